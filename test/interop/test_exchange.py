"""DoExchange: the echo gives back what it is sent, as it is sent."""

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import data

TABLE = data.table(1000, seed=1).replace_schema_metadata({"from": "a test"})
ECHO = flight.FlightDescriptor.for_command(b"echo")


def test_batches_come_back_while_the_stream_goes_on(client):
    writer, reader = client.do_exchange(ECHO)
    with writer:
        writer.begin(TABLE.schema)
        for number, batch in enumerate(TABLE.to_batches(max_chunksize=100)):
            writer.write_with_metadata(batch, str(number).encode())
            got = reader.read_chunk()
            assert got.data == batch
            assert got.app_metadata.to_pybytes() == str(number).encode()
        assert reader.schema.equals(TABLE.schema, check_metadata=True)
        writer.done_writing()
        with pytest.raises(StopIteration):
            reader.read_chunk()


def test_metadata_alone_comes_back_before_any_batch(client):
    writer, reader = client.do_exchange(ECHO)
    with writer:
        writer.write_metadata(b"hello")
        got = reader.read_chunk()
        assert got.data is None
        assert got.app_metadata.to_pybytes() == b"hello"


@pytest.mark.parametrize(
    ("descriptor", "error", "text"),
    [
        (flight.FlightDescriptor.for_path("t"), pa.ArrowInvalid, "nothing is exchanged with a path"),
        (flight.FlightDescriptor.for_command(b'{"sql": "SELECT 1"}'), pa.ArrowNotImplementedError, "runs no SQL"),
        (flight.FlightDescriptor.for_command(b"shout"), pa.ArrowInvalid, "echo"),
    ],
)
def test_other_exchanges_are_refused(client, descriptor, error, text):
    writer, reader = client.do_exchange(descriptor)
    with pytest.raises(error, match=text):
        reader.read_chunk()
    with pytest.raises(pa.ArrowException):
        writer.close()
