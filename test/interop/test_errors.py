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
