"""Commands of GetFlightInfo, and the filters, columns and limits that they have."""

import json

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import flight

from harness import calls

TABLE = pa.table(
    {
        "id": pa.array(range(1000), pa.int64()),
        "name": pa.array([None if i % 7 == 0 else f"n{i % 5}" for i in range(1000)]),
        "day": pa.array([i % 365 for i in range(1000)], pa.int32()).cast(pa.date32()),
        "kind": pa.array([f"k{i % 3}" for i in range(1000)]).dictionary_encode(),
        "at": pa.array([{"lat": i / 10} for i in range(1000)]),
    }
).replace_schema_metadata({"from": "a test"})

FILTERS = {
    "id >= 990": pc.field("id") >= 990,
    "name = 'n1' OR name IS NULL": (pc.field("name") == "n1") | pc.field("name").is_null(),
    "NOT name IN ('n1', 'n2')": ~pc.field("name").isin(["n1", "n2"]) & pc.field("name").is_valid(),
    "day < DATE '1970-01-11' AND kind = 'k1'": (pc.field("day") < pa.scalar(10, pa.int32()).cast(pa.date32()))
    & (pc.field("kind") == "k1"),
    "at.lat BETWEEN 1.5 AND 2": (pc.field("at", "lat") >= 1.5) & (pc.field("at", "lat") <= 2),
}


def command(**keys):
    return flight.FlightDescriptor.for_command(json.dumps({"dataset": "t", **keys}))


def read(client, descriptor):
    info = client.get_flight_info(descriptor)
    tables = [client.do_get(endpoint.ticket).read_all() for endpoint in info.endpoints]
    assert all(table.schema.equals(info.schema, check_metadata=True) for table in tables)
    return info, pa.concat_tables(tables)


@pytest.fixture
def stored(client):
    calls.put(client, "t", TABLE)
    return client


@pytest.mark.parametrize("text", FILTERS)
def test_filter_selects_what_arrow_selects(stored, text):
    info, got = read(stored, command(filter=text))
    assert got == TABLE.filter(FILTERS[text])
    assert info.total_records == -1


def test_columns_come_in_the_order_asked_for(stored):
    info, got = read(stored, command(columns=["day", "id"]))
    assert got == TABLE.select(["day", "id"])
    assert info.total_records == 1000


def test_limit_holds_over_the_whole_result(stored):
    info, got = read(stored, command(filter="id > 10", limit=5, columns=["id"]))
    assert got["id"].to_pylist() == [11, 12, 13, 14, 15]
    assert len(info.endpoints) == 1


def test_version_is_read_again(stored):
    calls.put(stored, "t", TABLE.slice(0, 3))
    assert read(stored, command(version=1))[1] == TABLE
    assert read(stored, command())[1].num_rows == 3
    with pytest.raises(pa.ArrowKeyError, match="version 9"):
        stored.get_flight_info(command(version=9))


def test_command_is_a_ticket(stored):
    ticket = flight.Ticket(json.dumps({"dataset": "t", "filter": "id < 2"}))
    assert stored.do_get(ticket).read_all().num_rows == 2


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"colums": []}, 'unknown key "colums"'),
        ({"columns": ["nope"]}, 'no column "nope"'),
        ({"filter": "id = 'x'"}, "position 6"),
        ({"filter": "id ="}, "position 5"),
        ({"limit": -1}, "negative"),
    ],
)
def test_wrong_commands_are_explained(stored, keys, text):
    with pytest.raises(pa.ArrowInvalid, match=text):
        stored.get_flight_info(command(**keys))


def test_criteria_ask_about_datasets(stored):
    calls.put(stored, "small", TABLE.slice(0, 1))
    found = [info.descriptor.path for info in stored.list_flights(json.dumps({"where": "rows > 1"}).encode())]
    assert found == [[b"t"]]
