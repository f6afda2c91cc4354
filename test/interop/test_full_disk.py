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


@pytest.fixture
def keeping(tmp_path):
    """A function that gives the flags of a server that leaves so much of its volume free."""

    def keeping(size):
        settings = tmp_path / f"keeping-{size}.yaml"
        settings.write_text(
            "apiVersion: settings.flight-operator.io/v1alpha1\nkind: ServerSettings\n"
            f'storage: {{minFree: "{size}"}}\n'
        )
        return "--config", settings

    return keeping


@pytest.mark.parametrize("dataset", ["big", "big.parquet"])
def test_upload_to_a_full_disk(start, small_volume, keeping, dataset):
    with start(*keeping("0"), data_dir=small_volume).connect() as client:
        calls.put(client, "kept", NOISE)
        with pytest.raises((flight.FlightUnavailableError, pa.ArrowInvalid), match="(?i)space|full"):
            calls.put(client, dataset, NOISE * 20)
        assert calls.names(client) == ["kept"]
        assert calls.get(client, "kept") == pa.Table.from_batches(NOISE)

        # What was refused is gone again, so that there is room for what fits.
        calls.put(client, dataset, NOISE)
        calls.drop(client, "kept")
        assert calls.get(client, dataset) == pa.Table.from_batches(NOISE)


def test_what_is_kept_free(start, small_volume, keeping):
    server = start(*keeping("0"), data_dir=small_volume)
    with server.connect() as client:
        calls.put(client, "kept", NOISE)
        calls.put(client, "dropped", NOISE)
    server.stop()

    with start(*keeping("15Mi"), data_dir=small_volume).connect() as client:
        with pytest.raises(flight.FlightUnavailableError, match="are free") as refused:
            calls.put(client, "new", NOISE)
        assert b"RetryInfo" in refused.value.extra_info
        assert calls.get(client, "kept") == pa.Table.from_batches(NOISE)
        calls.drop(client, "dropped")
        assert calls.names(client) == ["kept"]
