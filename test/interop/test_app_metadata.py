"""app_metadata of batches: back at once in an answer, and again with the batch when it is read."""

import json

import pyarrow as pa
from pyarrow import flight

from harness import calls, data

BATCHES = [data.table(10, seed=seed).to_batches()[0] for seed in range(4)]
METADATA = [b"first", None, b"\x00\xff" * 100, b'{"looks": "like JSON"}']


def write(client, mode="replace"):
    writer, _ = client.do_put(calls.command(dataset="t", mode=mode), BATCHES[0].schema)
    with writer:
        for batch, metadata in zip(BATCHES, METADATA, strict=True):
            if metadata is None:
                writer.write_batch(batch)
            else:
                writer.write_with_metadata(batch, metadata)


def read(client, ticket):
    """Each batch with its app_metadata."""
    chunks = list(client.do_get(ticket))
    return [(c.data, c.app_metadata and c.app_metadata.to_pybytes()) for c in chunks]


WRITTEN = list(zip(BATCHES, METADATA, strict=True))


def test_each_batch_is_read_with_its_own(client):
    write(client)
    assert read(client, flight.Ticket("t")) == WRITTEN
    assert read(client, calls.info(client, "t").endpoints[0].ticket) == WRITTEN
    reader = client.do_get(flight.Ticket("t"))
    first = reader.read_chunk()
    assert first.app_metadata.to_pybytes() == b"first"


def test_of_infos_and_endpoints(client):
    write(client)
    info = calls.info(client, "t")
    said = json.loads(info.app_metadata)
    assert (said["dataset"], said["version"], sorted(said)) == ("t", 1, ["dataset", "id", "version"])
    [endpoint] = info.endpoints
    known = {"partition": 0, "partitions": 1, "rows": 40, "bytes": info.total_bytes}
    assert json.loads(endpoint.app_metadata) == known


def test_it_survives_an_append_and_a_restart(start):
    server = start()
    with server.connect() as client:
        write(client)
        write(client, mode="append")
    server.stop()
    with start().connect() as client:
        assert read(client, flight.Ticket("t")) == WRITTEN * 2


def test_a_batch_that_is_sent_in_pieces_has_it_once(client):
    [batch] = pa.table({"noise": data.noise(16 << 20).column("a")}).to_batches()
    writer, _ = client.do_put(calls.path("t"), batch.schema)
    with writer:
        writer.write_with_metadata(batch, b"whole")
    pieces = read(client, flight.Ticket("t"))
    assert pa.Table.from_batches([piece for piece, _ in pieces]) == pa.Table.from_batches([batch])
    assert [metadata for _, metadata in pieces if metadata] == [b"whole"]
