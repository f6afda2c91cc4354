"""Names of datasets: what is legal, what is one, what is refused and why."""

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import calls, data

LEGAL = [
    "plain",
    "with space",
    "dotted.name.v1",
    ".hidden",
    "...",
    "..twice",
    "日本語/таблица",
    "naïve 🛫",
    "a/b/c/d/e",
    "C:\\windows\\path",
    "quote'\"`$;--",
    "%2e%2e/%00",
    "tab\tnewline\n",
    "-rf",
    "*?[x]",
    "CON",
    "x" * 1024,
    "ü" * 512,
]


@pytest.mark.parametrize("name", LEGAL, ids=lambda name: ascii(name[:20]))
def test_legal(start, name):
    server = start()
    table = data.table(10, seed=len(name))
    with server.connect() as client:
        calls.put(client, name, table)
        assert calls.names(client) == [name]
        assert calls.get(client, name) == table
        assert calls.get_by_name(client, name) == table
    server.stop()

    with start().connect() as client:
        assert calls.get(client, name) == table
        calls.drop(client, name)
        assert calls.names(client) == []


ILLEGAL = {
    "empty path": calls.path(),
    "empty segment": calls.path(""),
    "empty segment between": calls.path("a", "", "b"),
    "empty segment by slashes": calls.path("a//b"),
    "leading slash": calls.path("/etc/passwd"),
    "trailing slash": calls.path("a/"),
    "dot": calls.path("."),
    "dot dot": calls.path(".."),
    "dot dot between": calls.path("a", "..", "b"),
    "dot dot by slashes": calls.path("../../etc/passwd"),
    "NUL": calls.path("a\0b"),
    "1025 bytes": calls.path("x" * 1025),
    "1025 bytes in segments": calls.path("x" * 512, "y" * 512),
    "1 MB": calls.path("x" * 1_000_000),
    "1 MB command": calls.command(dataset="x" * 1_000_000),
    "dot dot command": calls.command(dataset="../up"),
}


@pytest.mark.parametrize("descriptor", ILLEGAL.values(), ids=ILLEGAL.keys())
def test_illegal(server, client, descriptor):
    with pytest.raises(pa.ArrowInvalid) as refused:
        calls.put(client, descriptor, data.people())
    assert len(str(refused.value)) < 600
    assert calls.names(client) == []
    # It was the name that was refused: another one is taken.
    calls.put(client, "t", data.people())
    assert calls.names(client) == ["t"]
    outside = [file.name for file in server.data_dir.parent.iterdir()]
    assert sorted(outside) == ["data", server.log.name]


def test_path_that_is_not_utf8(client):
    """Refused below the service: a path is a protobuf string."""
    with pytest.raises((pa.ArrowInvalid, flight.FlightInternalError), match="UTF-8"):
        calls.put(client, calls.path(b"\xff\xfe"), data.people())
    assert calls.names(client) == []


@pytest.mark.parametrize("ticket", [b"", b"..", b"a\0b", b"\xff", b"x" * 1_000_000], ids=lambda t: ascii(t[:8]))
def test_illegal_name_as_ticket(client, ticket):
    with pytest.raises((pa.ArrowInvalid, pa.lib.ArrowKeyError)) as refused:
        client.do_get(flight.Ticket(ticket)).read_all()
    assert len(str(refused.value)) < 1000


def test_paths_that_join_to_one_name_are_one_dataset(client):
    calls.put(client, calls.path("nyc", "trips"), data.people())
    assert calls.get(client, calls.path("nyc/trips")) == data.people()
    calls.put(client, calls.path("nyc/trips"), data.people(), mode="append")
    assert calls.get_by_name(client, "nyc/trips").num_rows == 6
    [listed] = client.list_flights()
    assert listed.descriptor.path == [b"nyc", b"trips"], "the path is shown as it was first written"


def test_a_path_that_is_spelt_like_a_command_is_a_name(client):
    """A descriptor is told by its type first: a path names, a command asks."""
    command = calls.command(dataset="t")
    spelt = calls.path(command.command)
    calls.put(client, "t", data.people())
    calls.put(client, spelt, data.table(5))
    assert calls.get(client, spelt) == data.table(5)
    assert calls.get(client, command) == data.people()
    assert client.get_flight_info(spelt).descriptor == spelt
    assert client.get_flight_info(command).descriptor == command
    assert set(calls.names(client)) == {"t", command.command.decode()}


def test_names_differ_by_case_and_by_unicode_form(client):
    written = ["t", "T", "\u00e9", "e\u0301"]
    for rows, name in enumerate(written, start=1):
        calls.put(client, name, data.table(rows))
    assert sorted(calls.names(client)) == sorted(written)
    assert [calls.get(client, name).num_rows for name in written] == [1, 2, 3, 4]


def test_list_by_prefix(client):
    for name in ("nyc/trips", "nyc/taxis", "nycflights", "oslo"):
        calls.put(client, name, data.people())
    assert calls.names(client) == ["nyc/taxis", "nyc/trips", "nycflights", "oslo"]
    assert calls.names(client, b"nyc/") == ["nyc/taxis", "nyc/trips"]
    assert calls.names(client, b'{"prefix": "nyc/"}') == ["nyc/taxis", "nyc/trips"]
    assert calls.names(client, b"rome") == []
