"""Uploads that never come to their end: nothing is visible and nothing is left."""

import contextlib
import os
import pathlib
import subprocess
import sys

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import calls, data

HERE = pathlib.Path(__file__).parent
TABLE = data.table(1000)
NOISE = [data.noise(1 << 20, seed) for seed in range(3)]


def size(directory):
    """Bytes of all files below directory, from which the server deletes meanwhile."""
    total = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(parent, name)).st_size
    return total


def die_half_way(server, dataset, mode, megabytes=20):
    command = [sys.executable, "-m", "harness.dying_writer", server.uri, dataset, mode]
    with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.read(megabytes) == b"." * megabytes
        writer.kill()


@pytest.mark.parametrize("dataset", ["t", "t.parquet"])
def test_killed_client_leaves_nothing(server, client, dataset):
    before = size(server.data_dir)
    die_half_way(server, dataset, "create")
    calls.eventually(lambda: size(server.data_dir) <= before + 4096)
    assert calls.names(client) == []
    calls.put(client, dataset, TABLE, mode="create")
    assert calls.get(client, dataset) == TABLE


@pytest.mark.parametrize("mode", ["replace", "append"])
def test_killed_client_leaves_the_old_version(server, client, mode):
    calls.put(client, "t", NOISE)
    before = size(server.data_dir)
    die_half_way(server, "t", mode)
    calls.eventually(lambda: size(server.data_dir) <= before + 4096)
    assert calls.get(client, "t") == pa.Table.from_batches(NOISE)


def test_upload_is_invisible_until_its_end(client):
    writer, results = client.do_put(calls.path("t"), NOISE[0].schema)
    with writer:
        for batch in NOISE:
            writer.write_batch(batch)
            assert calls.names(client) == []
        with pytest.raises(pa.lib.ArrowKeyError):
            calls.get_by_name(client, "t")
        writer.done_writing()
        calls.last_result(results)
        assert calls.names(client) == ["t"], "visible once the answer is there"


def test_row_count_catches_an_exception_in_the_writer(client):
    """pyarrow ends the upload of a with block that raised as if it were whole."""
    calls.put(client, "t", TABLE)
    writer, _ = client.do_put(calls.path("t"), NOISE[0].schema)
    with pytest.raises(pa.ArrowInvalid, match="rows"):
        with writer:
            writer.write_metadata(b'{"rows": 98304}')
            writer.write_batch(NOISE[0])
            raise RuntimeError("the source of the data failed")
    assert calls.get(client, "t") == TABLE


def test_deadline_breaks_an_upload_off(server, client):
    before = size(server.data_dir)
    writer, results = client.do_put(calls.path("t"), NOISE[0].schema, flight.FlightCallOptions(timeout=1.0))
    writer.write_batch(NOISE[0])
    assert results.read() is None, "waits for an answer until the call is over"
    with pytest.raises(flight.FlightTimedOutError):
        writer.close()
    calls.eventually(lambda: size(server.data_dir) <= before + 4096)
    assert calls.names(client) == []


def test_reader_that_leaves_half_way_harms_nobody(server, client):
    calls.put(client, "t", NOISE * 20)
    for _ in range(10):
        with server.connect() as other:
            reader = other.do_get(flight.Ticket("t"))
            reader.read_chunk()
            reader.cancel()
    assert calls.get(client, "t") == pa.Table.from_batches(NOISE * 20)
