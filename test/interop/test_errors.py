"""What a client reads when it asks for what is not there or cannot be."""

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import calls, data


def test_unknown_dataset(client):
    for ask in (calls.info, calls.get_by_name, lambda client, name: client.get_schema(calls.path(name)), calls.drop):
        with pytest.raises(pa.lib.ArrowKeyError, match="nowhere"):
            ask(client, "nowhere")


def test_unknown_action_is_named(client):
    with pytest.raises(pa.lib.ArrowNotImplementedError, match="make_coffee"):
        calls.act(client, "make_coffee")


@pytest.mark.parametrize("body", [{"datset": "t"}, {"dataset": 7}, {}, {"dataset": "t", "force": True}], ids=str)
def test_bad_body_of_drop(client, body):
    calls.put(client, "t", data.people())
    with pytest.raises(pa.ArrowInvalid):
        calls.act(client, "drop_dataset", body)
    assert calls.names(client) == ["t"]


def test_command_that_is_no_query(client):
    for cmd in (b'{"dataset":', b'{"nonsense": 1}', b"[1, 2]"):
        with pytest.raises((pa.ArrowInvalid, pa.lib.ArrowKeyError, pa.lib.ArrowNotImplementedError)):
            client.get_flight_info(flight.FlightDescriptor.for_command(cmd))


def test_bad_criteria(client):
    with pytest.raises(pa.ArrowInvalid, match="prefiks"):
        calls.names(client, b'{"prefiks": "a"}')


def test_a_message_is_short_however_long_the_name(client):
    """gRPC gives up on a status of more than 8 KiB and shows another error."""
    with pytest.raises((pa.ArrowInvalid, pa.lib.ArrowKeyError)) as refused:
        calls.info(client, "x" * 1000)
    assert len(str(refused.value)) < 600


def test_the_server_outlives_errors(client):
    for _ in range(50):
        with pytest.raises(pa.lib.ArrowKeyError):
            calls.get_by_name(client, "nowhere")
    calls.put(client, "t", data.people())
    assert calls.get(client, "t") == data.people()


def test_details_reach_the_caller_of_a_flight_error(start, tmp_path):
    """pyarrow shows google.rpc.Status as extra_info, where the server lets it."""
    server = start("--auth-file", str(write_credentials(tmp_path)))
    with server.connect() as client, pytest.raises(flight.FlightUnauthenticatedError) as refused:
        calls.names(client)
    assert b"NO_CREDENTIALS" in refused.value.extra_info
    assert b"flight-operator" in refused.value.extra_info


def write_credentials(folder):
    """Credentials without a token admit nobody."""
    file = folder / "credentials.yaml"
    file.write_text("apiVersion: settings.flight-operator.io/v1alpha1\nkind: Credentials\n")
    return file


def test_an_upload_beyond_its_limit_is_refused(start, tmp_path):
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        "apiVersion: settings.flight-operator.io/v1alpha1\nkind: ServerSettings\nlimits: {upload: 1Ki, callsPerSecond: 1000}\n"
    )
    with start("--config", settings).connect() as client:
        with pytest.raises(pa.ArrowInvalid, match="limit upload"):
            calls.put(client, "t", pa.table({"a": list(range(10_000))}))
        assert calls.names(client) == []


def test_a_refusal_for_a_limit_says_when_to_try_again(start, tmp_path):
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        "apiVersion: settings.flight-operator.io/v1alpha1\nkind: ServerSettings\nlimits: {callsPerSecond: 0.001}\n"
    )
    with start("--config", settings).connect() as client:
        calls.names(client)
        with pytest.raises(flight.FlightUnavailableError, match="callsPerSecond") as refused:
            calls.names(client)
        assert b"RetryInfo" in refused.value.extra_info
