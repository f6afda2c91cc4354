"""The sample data set of this repository, there and back."""

import pytest
from pyarrow import parquet

from harness import calls
from harness.server import REPOSITORY

FILES = sorted((REPOSITORY / "test" / "data" / "nycflights13").glob("*.parquet"))
by_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def test_the_data_set_is_there():
    assert [file.stem for file in FILES] == ["airlines", "airports", "flights", "planes", "weather"]


@by_file
@pytest.mark.parametrize("suffix", ["", ".parquet"], ids=["arrow", "parquet"])
def test_file(client, file, suffix):
    table = parquet.read_table(file)
    calls.put(client, f"nyc/{file.stem}{suffix}", table, rows=table.num_rows)
    read = calls.get(client, f"nyc/{file.stem}{suffix}")
    read.validate(full=True)
    assert read.equals(table, check_metadata=suffix == "")


def test_all_flights_are_there(client):
    table = parquet.read_table(next(file for file in FILES if file.stem == "flights"))
    calls.put(client, "flights", table)
    assert calls.info(client, "flights").total_records == 336_776
    frame = calls.get(client, "flights").to_pandas()
    assert frame.groupby("carrier").size().sum() == 336_776
