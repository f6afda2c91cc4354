"""Every Arrow type there and back through an Arrow dataset, to the last byte of metadata."""

import pyarrow as pa
import pytest

from harness import arrays, calls, data

NAMED = pytest.mark.parametrize("array", arrays.ARRAYS.values(), ids=arrays.ARRAYS.keys())


def assert_same(read, written):
    read.validate(full=True)
    assert read.schema.equals(written.schema, check_metadata=True)
    assert read.equals(written, check_metadata=True)


@NAMED
def test_type(client, array):
    table = pa.table({"before": [1, 2, 3], "column": array, "after": ["x", None, "z"]})
    calls.put(client, "t", table)
    assert_same(calls.get(client, "t"), table)


@NAMED
def test_type_in_chunks_that_are_slices(client, array):
    """Batches cut out of the middle of buffers, and without rows."""
    batches = [pa.record_batch({"c": array}).slice(at, rows) for at, rows in ((1, 2), (2, 0), (0, 2))]
    calls.put(client, "t", batches)
    read = calls.get(client, "t")
    read.validate(full=True)
    assert read.to_pylist() == pa.Table.from_batches(batches).to_pylist()


@NAMED
def test_type_without_rows(client, array):
    empty = pa.record_batch({"c": array}).slice(0, 0)
    calls.put(client, "t", [empty])
    read = calls.get(client, "t")
    assert read.schema == empty.schema
    assert read.num_rows == 0
    assert calls.info(client, "t").total_records == 0


def test_all_types_at_once_survive_a_restart(start):
    table = pa.table(arrays.ARRAYS)
    server = start()
    with server.connect() as client:
        calls.put(client, "t", table)
    server.stop()
    with start().connect() as client:
        assert_same(calls.get(client, "t"), table)


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compressed_bodies(client, codec):
    options = pa.flight.FlightCallOptions(write_options=pa.ipc.IpcWriteOptions(compression=codec))
    table = pa.concat_tables([pa.table(arrays.ARRAYS)] * 3)
    calls.put(client, "t", table, options=options)
    assert_same(calls.get(client, "t"), table)


def test_metadata_of_schema_and_fields(client):
    schema = pa.schema(
        [
            pa.field("a", pa.int64(), nullable=False, metadata={"iox::column::type": "iox::column_type::tag"}),
            pa.field("a", pa.string(), metadata={b"bytes": b"\x00\xff", b"": b""}),
            pa.field("", pa.struct([pa.field("inner", pa.int8(), metadata={"deep": "yes"})])),
        ],
        metadata={"order": "matters", "another": "ключ", b"\xff": b"\x00" * 1000},
    )
    values = [[1], ["x"], [{"inner": 1}]]
    table = pa.table([pa.array(v, field.type) for v, field in zip(values, schema, strict=True)], schema=schema)
    calls.put(client, "t", table)
    read = calls.get(client, "t")
    assert_same(read, table)
    assert list(read.schema.metadata.items()) == list(schema.metadata.items())
    assert calls.info(client, "t").schema.equals(schema, check_metadata=True)
    assert client.get_schema(calls.path("t")).schema.equals(schema, check_metadata=True)
    [listed] = client.list_flights()
    assert listed.schema.equals(schema, check_metadata=True)


def changing_dictionaries(values):
    arrays = [pa.DictionaryArray.from_arrays(pa.array([0, None, len(v) - 1], pa.int8()), v) for v in values]
    return [pa.record_batch({"d": array, "s": pa.StructArray.from_arrays([array], ["d"])}) for array in arrays]


@pytest.mark.parametrize(
    ("values", "deltas"),
    [
        ([["a", "b"], ["c"], ["d", "e", "f"]], False),
        ([["a"], ["a", "b"], ["a", "b", "c"]], False),
        ([["a"], ["a", "b"], ["a", "b", "c"]], True),
        ([["a"], ["a", "b"], ["z"], ["z", "y"]], True),
    ],
    ids=["replaced", "grown", "deltas", "deltas and replaced"],
)
def test_dictionaries_that_change_between_batches(client, values, deltas):
    batches = changing_dictionaries(values)
    options = pa.flight.FlightCallOptions(write_options=pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas))
    calls.put(client, "t", batches, options=options)
    read = calls.get(client, "t")
    read.validate(full=True)
    assert read.schema == batches[0].schema
    assert read.to_pylist() == pa.Table.from_batches(batches).to_pylist()


def test_dictionaries_that_change_between_appends(client):
    batches = changing_dictionaries([["a", "b"], ["c"], ["d", "e", "f"]])
    for batch in batches:
        calls.put(client, "t", [batch], mode="append" if calls.names(client) else "create")
    read = calls.get(client, "t")
    read.validate(full=True)
    assert read.to_pylist() == pa.Table.from_batches(batches).to_pylist()


def test_no_rows_and_no_batches(client):
    table = data.table(0)
    assert calls.put(client, "t", table)["rows"] == 0
    assert_same(calls.get(client, "t"), table)


def test_empty_batches_between_full_ones(client):
    [full] = data.table(3).to_batches()
    empty = full.slice(0, 0)
    batches = [empty, full, empty, empty, full, empty]
    calls.put(client, "t", batches)
    assert_same(calls.get(client, "t"), pa.Table.from_batches(batches))


def test_no_columns(client):
    table = pa.table({})
    calls.put(client, "t", table)
    assert_same(calls.get(client, "t"), table)


def test_rows_without_columns(client):
    """A table without columns forgets its length, a batch does not."""
    batch = data.table(5).to_batches()[0].select([])
    assert calls.put(client, "t", [batch])["rows"] == 5
    assert sum(chunk.data.num_rows for chunk in client.do_get(pa.flight.Ticket("t"))) == 5


def test_thousand_columns(client):
    table = pa.table({f"c{i}": [i, None] for i in range(1000)})
    calls.put(client, "t", table)
    assert_same(calls.get(client, "t"), table)


def test_one_batch_of_64_mb(client):
    batch = data.noise(64 << 20)
    calls.put(client, "t", [batch])
    assert calls.get(client, "t") == pa.Table.from_batches([batch])


def test_one_value_of_32_mb(client):
    """A single row cannot be split to fit a message."""
    table = pa.table({"blob": [b"x" * (32 << 20), None, b"y"]})
    calls.put(client, "t", table)
    assert_same(calls.get(client, "t"), table)
