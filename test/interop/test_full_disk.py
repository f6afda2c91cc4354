"""A volume that is full: the upload is refused, the rest goes on."""

import os
import subprocess

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import calls, data

NOISE = [data.noise(1 << 20, seed) for seed in range(4)]


@pytest.fixture
def small_volume(tmp_path):
    """A file system of 16 MB, mounted for this test."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small volume")
    directory = tmp_path / "volume"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", directory]
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small volume here: {mounted.stderr.strip()}")
    yield directory
    # Lazily: the server, stopped by another fixture, may still hold it.
    subprocess.run(["umount", "--lazy", directory], check=True)


@pytest.mark.parametrize("dataset", ["big", "big.parquet"])
def test_upload_to_a_full_disk(start, small_volume, dataset):
    with start(data_dir=small_volume).connect() as client:
        calls.put(client, "kept", NOISE)
        with pytest.raises((flight.FlightUnavailableError, pa.ArrowInvalid), match="(?i)space|full"):
            calls.put(client, dataset, NOISE * 20)
        assert calls.names(client) == ["kept"]
        assert calls.get(client, "kept") == pa.Table.from_batches(NOISE)

        # What was refused is gone again, so that there is room for what fits.
        calls.put(client, dataset, NOISE)
        calls.drop(client, "kept")
        assert calls.get(client, dataset) == pa.Table.from_batches(NOISE)
