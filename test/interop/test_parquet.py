"""Parquet datasets: what Parquet can hold comes back as it was, the rest is refused by name."""

import pyarrow as pa
import pytest

from harness import arrays, calls, data

# Types that have an equal in Parquet, or that a reader gets back by the Arrow
# schema beside the data.
HELD = {
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "halffloat", "float", "double",
    "string", "large_string", "binary", "large_binary", "fixed_size_binary[3]",
    "decimal128(38, 2)", "decimal256(76, 2)", "date32[day]", "time32[s]", "time32[ms]", "time64[us]", "time64[ns]",
    "timestamp[s]", "timestamp[ms]", "timestamp[us]", "timestamp[ns]",
    "timestamp[s, tz=America/New_York]", "timestamp[ms, tz=America/New_York]",
    "timestamp[us, tz=America/New_York]", "timestamp[ns, tz=America/New_York]",
    "list", "large_list", "struct", "map", "map of sorted keys", "dictionary of int32", "uuid",
}


@pytest.mark.parametrize(("name", "array"), arrays.ARRAYS.items(), ids=arrays.ARRAYS.keys())
def test_type(client, name, array):
    table = pa.table({"before": [1, 2, 3], "the column": array})
    try:
        calls.put(client, "t.parquet", table)
    except pa.ArrowInvalid as refused:
        assert name not in HELD
        assert "the column" in str(refused)
        assert "Parquet" in str(refused)
        assert calls.names(client) == []
        return
    read = calls.get(client, "t.parquet")
    read.validate(full=True)
    assert read.schema == table.schema
    assert read.to_pylist() == table.to_pylist()


def test_schema_is_the_same_in_every_call(client):
    table = data.table(100).replace_schema_metadata({"origin": "here"})
    calls.put(client, "t.parquet", table)
    read = calls.get(client, "t.parquet")
    assert read.equals(table, check_metadata=True)
    for schema in (calls.info(client, "t.parquet").schema, client.get_schema(calls.path("t.parquet")).schema):
        assert schema.equals(read.schema, check_metadata=True)


def test_many_batches_and_row_groups(client):
    table = data.table(300_000)
    calls.put(client, "t.parquet", table, chunk=1000)
    assert calls.get(client, "t.parquet") == table


def test_no_rows(client):
    table = data.table(0)
    calls.put(client, "t.parquet", table)
    assert calls.get(client, "t.parquet") == table


def test_dictionaries_that_change_between_batches(client):
    arrays = [pa.array(values).dictionary_encode() for values in (["a", "b"], ["c"], ["a", None])]
    batches = [pa.record_batch({"d": array}) for array in arrays]
    calls.put(client, "t.parquet", batches)
    assert calls.get(client, "t.parquet").to_pylist() == pa.Table.from_batches(batches).to_pylist()
