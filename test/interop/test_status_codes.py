"""Every status code of the server as the exception that the protocol's table promises."""

import pathlib
import re
import time

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import calls, data, tokens
from test_poll import cancel

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "protocol.md"
DOCUMENTED = dict(re.findall(r"^\| `([A-Z_]+)` \| `(\w+)` \|", PAGE.read_text(), re.MULTILINE))


@pytest.fixture
def start_with(start, tmp_path):
    """A function that starts a server with a line of settings."""

    def start_with(line="", **options):
        file = tmp_path / "settings.yaml"
        file.write_text(f"apiVersion: settings.flight-operator.io/v1alpha1\nkind: ServerSettings\n{line}\n")
        return start("--config", file, **options)

    return start_with


def refused(code, text, call, *arguments):
    """The error of a call, which is of the documented class and says what matters."""
    with pytest.raises(pa.ArrowException) as raised:
        call(*arguments)
    assert (type(raised.value).__name__, text in str(raised.value)) == (DOCUMENTED[code], True), raised.value
    return raised.value


def test_invalid_argument(client):
    refused("INVALID_ARGUMENT", "unknown key", calls.info, client, calls.command(dataset="t", colums=["a"]))
    refused("INVALID_ARGUMENT", "Invalid ticket", calls.get_by_name, client, '{"ticket": "e30.e30.e30"}')


def test_not_found(client):
    refused("NOT_FOUND", '"nowhere"', calls.info, client, "nowhere")
    refused("NOT_FOUND", '"nowhere"', calls.put, client, calls.command(dataset="nowhere", mode="append"), data.people())


def test_already_exists(client):
    calls.put(client, "t", data.people())
    refused("ALREADY_EXISTS", '"t"', calls.put, client, calls.command(dataset="t", mode="create"), data.people())


def test_credentials(start, tmp_path):
    file = tmp_path / "auth.yaml"
    reader = tokens.header(tokens.make(file, "reader", "Reader"))
    with start("--auth-file", file).connect() as client:
        assert b"NO_CREDENTIALS" in refused("UNAUTHENTICATED", "No credentials supplied", calls.names, client).extra_info
        error = refused("PERMISSION_DENIED", '"t"', lambda: calls.act(client, "drop_dataset", b"t", reader))
        assert b"NOT_PERMITTED" in error.extra_info


def test_unavailable(start_with):
    """A full volume may have room soon."""
    with start_with("storage: {minFree: 1Ei}").connect() as client:
        error = refused("UNAVAILABLE", "space", calls.put, client, "t", data.people())
        assert b"RetryInfo" in error.extra_info


def test_resource_exhausted(start_with):
    """What is over a quota is so when it is tried again."""
    with start_with("storage: {datasetQuota: 1}\nlimits: {message: 64Ki}").connect() as client:
        calls.put(client, "t", data.people())
        refused("RESOURCE_EXHAUSTED", '"t"', calls.put, client, "t", data.people())
        refused("RESOURCE_EXHAUSTED", "message", calls.put, client, "t", pa.Table.from_batches([data.noise(1 << 20)]))


def test_failed_precondition(client):
    calls.put(client, "t", pa.Table.from_batches([data.noise(64 << 20)]), chunk=10_000)
    info = calls.info(client, "t")
    reader = client.do_get(info.endpoints[0].ticket)
    reader.read_chunk()
    cancel(client, info)
    refused("FAILED_PRECONDITION", "cancelled", reader.read_all)


def test_deadline_exceeded(start_with):
    server = start_with()
    with server.connect() as client:
        calls.put(client, "t", pa.Table.from_batches([data.noise(64 << 20)]), chunk=10_000)
    server.stop()

    def read_slowly(client):
        """Longer pauses each time: how long a machine needs for a second of silence is unknown."""
        for pause in (2, 4, 8, 16):
            reader = client.do_get(flight.Ticket("t"))
            reader.read_chunk()
            time.sleep(pause)
            reader.read_all()

    with start_with("limits: {stall: 1s}").connect() as client:
        refused("DEADLINE_EXCEEDED", "", read_slowly, client)


def test_data_loss(start, tmp_path):
    server = start()
    with server.connect() as client:
        calls.put(client, "t", data.table(1000))
    server.stop()
    [segment] = (tmp_path / "data").glob("d/*/s/*/0")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    with start().connect() as client:
        refused("DATA_LOSS", '"t"', calls.get_by_name, client, "t")


def test_unimplemented(client):
    refused("UNIMPLEMENTED", "make_coffee", calls.act, client, "make_coffee")
    refused("UNIMPLEMENTED", "SQL", calls.info, client, calls.command(sql="select 1"))


def test_every_code_is_driven():
    """INTERNAL is a defect; none is known."""
    driven = set(re.findall(r'refused\("([A-Z_]+)"', pathlib.Path(__file__).read_text()))
    assert driven == DOCUMENTED.keys() - {"INTERNAL"}
