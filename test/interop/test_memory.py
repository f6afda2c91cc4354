"""The server's memory does not grow with the data that streams through it."""

import shutil
import tempfile

import pytest
from pyarrow import flight

from harness import calls, data

MB = 1 << 20
SMALL, BIG = 64 * MB, 4096 * MB
BATCH = 4 * MB
ALLOWED = 1.3
# A garbage-collected heap has found its size after some hundred megabytes: a
# small dataset goes through the server several times, so that its peak is not
# that of a heap which is still growing.
SMALL_ROUNDS = 4


def peak_rss(start, data_dir, size, rounds=1):
    """Peak memory of a fresh server that takes and gives size bytes, rounds times."""
    server = start(data_dir=data_dir)
    try:
        with server.connect() as client:
            batches = [data.noise(BATCH, seed) for seed in range(4)]
            for _ in range(rounds):
                write(client, batches, size)
                read(client, batches, size)
        peak = server.peak_rss()
        server.stop()
        return peak
    finally:
        shutil.rmtree(data_dir)


def write(client, batches, size):
    """Batches are made once and sent over and over: the server is to be the slow one."""
    writer, results = client.do_put(calls.path("big"), batches[0].schema)
    with writer:
        for i in range(size // BATCH):
            writer.write_batch(batches[i % len(batches)])
        writer.done_writing()
        assert calls.last_result(results)["rows"] == size // BATCH * batches[0].num_rows


def read(client, batches, size):
    """Count every row, and compare the first rows with what was written."""
    rows = 0
    for chunk in client.do_get(flight.Ticket("big")):
        if rows == 0:
            assert chunk.data == batches[0].slice(0, chunk.data.num_rows)
        rows += chunk.data.num_rows
    assert rows == size // BATCH * batches[0].num_rows


@pytest.mark.skipif(shutil.disk_usage(tempfile.gettempdir()).free < 2 * BIG, reason="needs 8 GB of free disk")
def test_peak_memory_is_flat(start, tmp_path, figure):
    small = peak_rss(start, tmp_path / "small", SMALL, SMALL_ROUNDS)
    big = peak_rss(start, tmp_path / "big", BIG)
    figure(
        "peak RSS of the server over write and read: "
        f"{small / MB:.0f} MB for 64 MB, {big / MB:.0f} MB for 4 GB, ratio {big / small:.2f}"
    )
    assert big / small <= ALLOWED
