"""The files in the data directory are standard ones: other programs open them as they are."""

import contextlib
import os
import pathlib

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from harness import arrays, calls, data

ARROW, PARQUET = b"ARROW1", b"PAR1"


def files(directory, head):
    """Files below directory that start with these bytes. What goes meanwhile is passed over."""
    found = []
    for parent, _, names in os.walk(directory):
        for name in names:
            file = pathlib.Path(parent, name)
            with contextlib.suppress(FileNotFoundError):
                if file.read_bytes().startswith(head):
                    found.append(file)
    return sorted(found)


def open_arrow(file):
    with pa.memory_map(str(file)) as source:
        table = ipc.open_file(source).read_all()
        table.validate(full=True)
        return table


def test_arrow_files(server, client):
    tables = [data.table(10_000, seed) for seed in (1, 2)]
    calls.put(client, "a/t", tables[0], chunk=3000)
    calls.put(client, "a/t", tables[1], chunk=3000, mode="append")
    found = pa.concat_tables(open_arrow(file) for file in files(server.data_dir, ARROW))
    assert found.sort_by("number") == pa.concat_tables(tables).sort_by("number")
    assert files(server.data_dir, PARQUET) == []


def test_parquet_files(server, client):
    tables = [data.table(10_000, seed) for seed in (1, 2)]
    calls.put(client, "t.parquet", tables[0])
    calls.put(client, "t.parquet", tables[1], mode="append")
    found = pa.concat_tables(parquet.ParquetFile(file).read() for file in files(server.data_dir, PARQUET))
    assert found.sort_by("number") == pa.concat_tables(tables).sort_by("number")
    assert files(server.data_dir, ARROW) == []


@pytest.mark.parametrize("array", arrays.ARRAYS.values(), ids=arrays.ARRAYS.keys())
def test_arrow_file_of_type(server, client, array):
    table = pa.table({"column": array})
    calls.put(client, "t", table)
    [file] = files(server.data_dir, ARROW)
    assert open_arrow(file).equals(table, check_metadata=True)


def test_arrow_files_of_changing_dictionaries(server, client):
    batches = [pa.record_batch({"d": pa.array(v).dictionary_encode()}) for v in (["a", "b"], ["c"], ["c", "d"])]
    calls.put(client, "t", batches)
    found = pa.concat_tables(open_arrow(file) for file in files(server.data_dir, ARROW))
    assert sorted(found["d"].to_pylist()) == ["a", "b", "c", "c", "d"]


def test_names_never_reach_the_file_system(server, client):
    calls.put(client, "secret-name/..hidden", data.people())
    assert not [file for file in server.data_dir.rglob("*") if "secret" in file.name or "hidden" in file.name]


def test_drop_frees_the_files(server, client):
    calls.put(client, "t", data.table(100_000))
    assert files(server.data_dir, ARROW)
    calls.drop(client, "t")
    calls.eventually(lambda: files(server.data_dir, ARROW) == [])
