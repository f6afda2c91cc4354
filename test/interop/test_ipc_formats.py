"""Streams of older and of other writers: metadata version 4, compressed bodies, shared dictionaries."""

import pathlib

import grpc
import pyarrow as pa
import pytest
from pyarrow import flight, ipc

from harness import arrays, calls, rawflight

TABLE = pa.concat_tables([pa.table(arrays.ARRAYS)] * 3)
V4, V5 = ipc.MetadataVersion.V4, ipc.MetadataVersion.V5


def assert_same(read, written):
    read.validate(full=True)
    assert read.schema.equals(written.schema, check_metadata=True)
    assert read.equals(written, check_metadata=True)


@pytest.mark.parametrize("version", [V4, V5], ids=["V4", "V5"])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_every_type_as_each_version_writes_it(client, version, compression):
    options = ipc.IpcWriteOptions(metadata_version=version, compression=compression)
    calls.put(client, "t", TABLE, options=flight.FlightCallOptions(write_options=options))
    assert_same(calls.get(client, "t"), TABLE)


@pytest.mark.parametrize("array", arrays.ARRAYS.values(), ids=arrays.ARRAYS.keys())
def test_type_in_version_4(client, array):
    """Unions had a validity bitmap once, and dictionaries no kind."""
    options = ipc.IpcWriteOptions(metadata_version=V4)
    table = pa.table({"column": array})
    calls.put(client, "t", table, options=flight.FlightCallOptions(write_options=options))
    assert_same(calls.get(client, "t"), table)


def test_an_append_of_another_version(client):
    for version in (V4, V5, V4):
        options = flight.FlightCallOptions(write_options=ipc.IpcWriteOptions(metadata_version=version))
        calls.put(client, "t", TABLE, mode="append" if calls.names(client) else "create", options=options)
    assert calls.get(client, "t").to_pylist() == TABLE.to_pylist() * 3


def test_fields_that_share_a_dictionary(server, client):
    """Two fields may name one dictionary, which is then sent once."""
    x = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), ["a", "b"])
    y = pa.DictionaryArray.from_arrays(pa.array([1, 1, 0], pa.int8()), ["a", "b"])
    table = pa.table({"x": x, "y": y})
    (schema, _), dictionary, _, batch = rawflight.messages(table)
    second = (1).to_bytes(8, "little")
    assert schema.count(second) == 1, "the id of the second dictionary stands in one place"
    shared = schema.replace(second, bytes(8))
    frames = rawflight.frames("t", [(shared, b""), dictionary, batch])
    code, text = rawflight.do_put(server.address, frames)
    assert code is grpc.StatusCode.OK, text
    assert_same(calls.get(client, "t"), table)


def test_metadata_of_a_message_is_taken(server, client):
    """No Flight client shows it, but writers of files set it."""
    batch = pa.record_batch({"n": [1, 2, 3]})
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch, custom_metadata={"key": "value"})
    code, text = rawflight.do_put(server.address, rawflight.frames("t", rawflight.parse(sink.getvalue())))
    assert code is grpc.StatusCode.OK, text
    assert calls.get(client, "t") == pa.Table.from_batches([batch])


def test_a_file_of_2020_is_refused(server, client):
    """Arrow 0.17 told of compression in a place of its own; what is read without it is noise."""
    of_2020 = pathlib.Path(pa.__file__).parent / "tests/data/feather/v0.17.0.version.2-compression.lz4.feather"
    stream = pa.py_buffer(of_2020.read_bytes()[len(b"ARROW1\0\0") :])
    code, text = rawflight.do_put(server.address, rawflight.frames("t", rawflight.parse(stream)))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "compressed" in text
    assert calls.names(client) == []
