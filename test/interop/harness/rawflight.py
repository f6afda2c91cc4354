"""Flight by plain gRPC and hand-made messages, to send what no Flight client would."""

import grpc
import pyarrow as pa
from pyarrow import ipc

SERVICE = "/arrow.flight.protocol.FlightService/"
PATH, CMD = 1, 2


def _varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _bytes(field, value):
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def descriptor(*path):
    """A FlightDescriptor of a path, encoded."""
    return _varint(1 << 3) + _varint(PATH) + b"".join(_bytes(3, segment.encode()) for segment in path)


def frame(header=b"", body=b"", descriptor=b"", metadata=b""):
    """A FlightData message, encoded; an empty part is left out."""
    parts = ((1, descriptor), (2, header), (3, metadata), (1000, body))
    return b"".join(_bytes(field, part) for field, part in parts if part)


def messages(data):
    """The IPC messages of a table, each a header and a body."""
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, data.schema) as writer:
        writer.write_table(data)
    return parse(sink.getvalue())


def parse(stream):
    """The IPC messages of a stream, each a header and a body."""
    return [(m.metadata.to_pybytes(), m.body.to_pybytes() if m.body else b"") for m in _read(stream)]


def _read(stream):
    reader = ipc.MessageReader.open_stream(stream)
    while True:
        try:
            yield reader.read_next_message()
        except StopIteration:
            return


def frames(name, messages):
    """The upload of IPC messages to a path of one segment."""
    return [
        frame(bytes(header), bytes(body), descriptor(name) if i == 0 else b"")
        for i, (header, body) in enumerate(messages)
    ]


def do_put(address, frames, timeout=30):
    """Send frames as one DoPut; answer its status code and text."""
    with grpc.insecure_channel(address) as channel:
        call = channel.stream_stream(SERVICE + "DoPut", _as_is, _as_is)
        responses = call(iter(frames), timeout=timeout)
        try:
            for _ in responses:
                pass
        except grpc.RpcError as refused:
            return refused.code(), refused.details()
        return responses.code(), responses.details()


def do_get(address, ticket, timeout=30):
    """The messages of a DoGet as they come over the wire."""
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_stream(SERVICE + "DoGet", _as_is, _as_is)
        return list(call(_bytes(1, ticket), timeout=timeout))


def _as_is(message):
    return message
