"""The Flight chapter of the Arrow Python cookbook, its server replaced by ours.

TLS and credentials, its other recipes, have files of their own.
"""

import pyarrow as pa
from pyarrow import flight

from harness import data

BATCHES = 1024
ROWS = 4096


def test_store_list_read_and_drop_a_table(client):
    table = data.people()
    descriptor = flight.FlightDescriptor.for_path("uploaded.parquet")
    writer, _ = client.do_put(descriptor, table.schema)
    writer.write_table(table)
    writer.close()

    [listed] = client.list_flights()
    assert listed.descriptor.path == [b"uploaded.parquet"]
    assert listed.total_records == 3

    info = client.get_flight_info(descriptor)
    assert info.descriptor == descriptor
    assert info.total_records == 3
    assert info.total_bytes > 0
    assert info.schema == table.schema
    assert client.get_schema(descriptor).schema == table.schema

    read = client.do_get(info.endpoints[0].ticket).read_all()
    assert read == table
    assert read.to_pandas()["Character"].tolist() == ["Mario", "Luigi", "Peach"]

    # Nobody reads this result: the call is cancelled after it.
    client.do_action(flight.Action("drop_dataset", b"uploaded.parquet"))
    assert list(client.list_flights()) == []


def test_actions_are_listed(client):
    actions = [(action.type, action.description) for action in client.list_actions()]
    assert ("drop_dataset", "Delete a dataset.") in actions
    assert "echo" in [name for name, _ in actions]


def test_echo_answers_with_the_body(client):
    [result] = client.do_action(flight.Action("echo", b"\x00any bytes\xff"))
    assert result.body.to_pybytes() == b"\x00any bytes\xff"


def test_stream_four_million_rows(client):
    """Read by chunks; content and order are compared, not only the count."""
    batch = pa.record_batch([pa.array(range(ROWS))], names=["ints"])
    descriptor = flight.FlightDescriptor.for_path("streamed.parquet")
    writer, _ = client.do_put(descriptor, batch.schema)
    with writer:
        for _ in range(BATCHES):
            writer.write_batch(batch)

    info = client.get_flight_info(descriptor)
    assert info.total_records == BATCHES * ROWS
    reader = client.do_get(info.endpoints[0].ticket)
    chunks = [chunk.data for chunk in reader]
    assert sum(chunk.num_rows for chunk in chunks) == 4_194_304
    assert pa.Table.from_batches(chunks) == pa.Table.from_batches([batch] * BATCHES)


def test_every_way_to_read_gives_the_table(client):
    table = data.table(5000)
    writer, _ = client.do_put(flight.FlightDescriptor.for_path("t.arrow"), table.schema)
    with writer:
        writer.write_table(table, 700)

    ticket = client.get_flight_info(flight.FlightDescriptor.for_path("t.arrow")).endpoints[0].ticket
    assert client.do_get(ticket).read_all() == table
    assert client.do_get(ticket).to_reader().read_all() == table
    assert pa.Table.from_batches([chunk.data for chunk in client.do_get(ticket)]) == table
    assert client.do_get(ticket).read_pandas().equals(table.to_pandas())
