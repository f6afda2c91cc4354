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
# A garbage-collected heap finds its size only after some hundred megabytes: as
# much passes through the server of the small dataset as through that of the big.
SMALL_ROUNDS = BIG // SMALL


def peaks(start, data_dir, size, rounds=1):
    """Peak memory of a fresh server that takes size bytes, rounds times, and of one that gives them."""
    batches = [data.noise(BATCH, seed) for seed in range(4)]
    try:
        return [peak(start, data_dir, use, batches, size, rounds) for use in (write, read)]
    finally:
        shutil.rmtree(data_dir)


def peak(start, data_dir, use, batches, size, rounds):
    server = start(data_dir=data_dir)
    with server.connect() as client, server.memory() as memory:
        for _ in range(rounds):
            use(client, batches, size)
    server.stop()
    return memory.peak


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
    small = peaks(start, tmp_path / "small", SMALL, SMALL_ROUNDS)
    big = peaks(start, tmp_path / "big", BIG)
    for use, less, more in zip(("writing", "reading"), small, big, strict=True):
        figure(
            f"peak memory of the server, {use}: "
            f"{less / MB:.0f} MB for 64 MB, {more / MB:.0f} MB for 4 GB, ratio {more / less:.2f}"
        )
        assert more / less <= ALLOWED, use
