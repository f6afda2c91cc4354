"""Uploads whose Arrow IPC is wrong: refused with a reason, nothing stored, the server lives on."""

import random
import struct

import grpc
import pyarrow as pa
import pytest

from harness import calls, data, rawflight

# Codes that tell a client its data is wrong; Internal and Unknown would blame the server.
REFUSALS = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}
NAME = "broken"
TABLE = data.table(100)
(SCHEMA, _), (HEADER, BODY) = rawflight.messages(TABLE)
FIRST = rawflight.frame(SCHEMA, descriptor=rawflight.descriptor(NAME))
BATCH = rawflight.frame(HEADER, BODY)


def frames_of(table):
    return rawflight.frames(NAME, rawflight.messages(table))


def damaged(array, old, new):
    """The upload of a right array, one place of whose batch is then overwritten.

    The place is in the body, else in the header, where a buffer's offset and
    length stand. pyarrow itself refuses to write an array that is wrong.
    """
    *before, (header, body) = rawflight.messages(pa.table({"column": array}))
    target = body if old in body else header
    assert target.count(old) == 1
    assert len(old) == len(new)
    if target is body:
        body = body.replace(old, new)
    else:
        header = header.replace(old, new)
    return rawflight.frames(NAME, [*before, (header, body)])


def int32s(*values):
    return struct.pack(f"<{len(values)}i", *values)


def int64s(*values):
    return struct.pack(f"<{len(values)}q", *values)


TEXT = pa.array(["a", "b", "c"])
LARGE_TEXT = pa.array(["a", "b", "c"], pa.large_string())
NUMBERS = pa.array(range(100))
GAPS = pa.array([None, *range(99)])
LIST = pa.array([[7, 8, 9]], pa.list_(pa.int64()))
KEYS = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, 1, 1, 1, 0, 1], pa.int8()), ["a", "b"])
VIEW = pa.array(["a text of 20 letters"], pa.string_view())
RUNS = pa.RunEndEncodedArray.from_arrays(pa.array([300, 500], pa.int32()), pa.array(["a", "b"]))
UNION = pa.UnionArray.from_sparse(
    pa.array([1, 0, 1, 1, 1, 0, 0, 1], pa.int8()), [pa.array([9] * 8), pa.array([1.5] * 8)]
)


BROKEN = {
    "no frames": [],
    "empty frame": [b""],
    "no descriptor": [rawflight.frame(SCHEMA), BATCH],
    "descriptor alone": [rawflight.frame(descriptor=rawflight.descriptor(NAME))],
    "header is noise": [rawflight.frame(b"\xde\xad\xbe\xef" * 16, descriptor=rawflight.descriptor(NAME))],
    "header is zeros": [rawflight.frame(bytes(64), descriptor=rawflight.descriptor(NAME))],
    "header is cut": [rawflight.frame(SCHEMA[: len(SCHEMA) // 2], descriptor=rawflight.descriptor(NAME)), BATCH],
    "batch before the schema": [rawflight.frame(HEADER, BODY, rawflight.descriptor(NAME))],
    "second schema": [FIRST, BATCH, rawflight.frame(SCHEMA)],
    "batch header is noise": [FIRST, rawflight.frame(b"\xde\xad\xbe\xef" * 16, BODY)],
    "batch header is cut": [FIRST, rawflight.frame(HEADER[: len(HEADER) // 2], BODY)],
    "batch without a body": [FIRST, rawflight.frame(HEADER)],
    "body without a header": [FIRST, rawflight.frame(body=BODY)],
    "body is cut": [FIRST, rawflight.frame(HEADER, BODY[: len(BODY) // 2])],
    "body is one byte short": [FIRST, rawflight.frame(HEADER, BODY[: len(BODY) // 8 * 8 - 64])],
    "batch of another schema": [FIRST, frames_of(pa.table({"other": ["x"]}))[1]],
    "bad batch after a good one": [FIRST, BATCH, rawflight.frame(HEADER, BODY[:64])],
    "dictionary that is missing": [f for i, f in enumerate(frames_of(pa.table({"d": KEYS}))) if i != 1],
    "offsets beyond the data": damaged(TEXT, int32s(0, 1, 2, 3), int32s(0, 1, 2, 1_000_000)),
    "offsets that fall": damaged(TEXT, int32s(0, 1, 2, 3), int32s(0, 3, 1, 3)),
    "negative offsets": damaged(TEXT, int32s(0, 1, 2, 3), int32s(-5, 1, 2, 3)),
    "large offsets beyond the data": damaged(LARGE_TEXT, int64s(0, 1, 2, 3), int64s(0, 1, 2, 1 << 60)),
    "too few offsets": damaged(TEXT, int64s(0, 16), int64s(0, 8)),
    "too few values": damaged(NUMBERS, int64s(0, 800), int64s(0, 8)),
    "too few validity bits": damaged(GAPS, int64s(0, 13), int64s(0, 1)),
    "buffer beyond the body": damaged(NUMBERS, int64s(0, 800), int64s(1 << 40, 800)),
    "buffer of negative length": damaged(NUMBERS, int64s(0, 800), int64s(0, -800)),
    "text that is not UTF-8": damaged(TEXT, b"abc", b"\xff\xfe\xfd"),
    "list offsets beyond the child": damaged(LIST, int32s(0, 3), int32s(0, 99)),
    "dictionary index out of range": damaged(KEYS, bytes([0, 1, 0, 1, 1, 1, 0, 1]), bytes([0, 1, 0, 99, 1, 1, 0, 1])),
    "negative dictionary index": damaged(KEYS, bytes([0, 1, 0, 1, 1, 1, 0, 1]), bytes([0, 1, 0, 255, 1, 1, 0, 1])),
    "view beyond the data": damaged(VIEW, int32s(20) + b"a te" + int32s(0, 0), int32s(20) + b"a te" + int32s(0, 1000)),
    "view into no buffer": damaged(VIEW, int32s(20) + b"a te" + int32s(0, 0), int32s(20) + b"a te" + int32s(7, 0)),
    "run ends that fall": damaged(RUNS, int32s(300, 500), int32s(500, 300)),
    "run ends short of the rows": damaged(RUNS, int32s(300, 500), int32s(300, 400)),
    "type code of no union member": damaged(UNION, bytes([1, 0, 1, 1, 1, 0, 0, 1]), bytes([1, 0, 1, 9, 1, 0, 0, 1])),
}


@pytest.mark.parametrize("frames", BROKEN.values(), ids=BROKEN.keys())
def test_broken_upload_is_refused(server, client, frames):
    code, text = rawflight.do_put(server.address, frames)
    assert code in REFUSALS, text
    assert 10 < len(text) < 1000
    assert calls.names(client) == []
    calls.put(client, NAME, TABLE)
    assert calls.get(client, NAME) == TABLE


@pytest.mark.parametrize("frames", BROKEN.values(), ids=BROKEN.keys())
def test_broken_upload_leaves_the_old_version(server, client, frames):
    calls.put(client, NAME, TABLE)
    code, _ = rawflight.do_put(server.address, frames)
    assert code in REFUSALS
    assert calls.get(client, NAME) == TABLE


def test_bytes_that_are_no_message(server, client):
    code, _ = rawflight.do_put(server.address, [FIRST, b"\xff" * 100])
    assert code is not grpc.StatusCode.OK
    assert calls.names(client) == []


def test_a_right_upload_by_hand_is_taken(server, client):
    """The frames above differ from right ones by their damage alone."""
    code, text = rawflight.do_put(server.address, frames_of(TABLE))
    assert code is grpc.StatusCode.OK, text
    assert calls.get(client, NAME) == TABLE


@pytest.mark.parametrize("seed", range(8))
def test_flipped_bytes_never_harm_a_reader(server, client, seed):
    """Whatever is taken reads back as a table that is whole; all else is refused."""
    flip = random.Random(seed)
    keys = pa.array(["x", "y", None] * 5).dictionary_encode()
    table = pa.table({"text": ["a", None, "ccc"] * 5, "list": [[1], None, [2, 3]] * 5, "key": keys})
    right = rawflight.messages(table)
    for _ in range(40):
        parts = [(bytearray(header), bytearray(body)) for header, body in right]
        victim = flip.choice([part for message in parts for part in message if part])
        for _ in range(flip.randint(1, 4)):
            victim[flip.randrange(len(victim))] ^= 1 << flip.randrange(8)
        code, text = rawflight.do_put(server.address, rawflight.frames(NAME, parts))
        assert code is grpc.StatusCode.OK or code in REFUSALS, f"{code} {text}"
        if code is grpc.StatusCode.OK:
            assert_harmless(client)
    assert server.running()
    calls.put(client, "t", TABLE)
    assert calls.get(client, "t") == TABLE


def assert_harmless(client):
    """Structure, lengths, UTF-8 and indices hold; values such as a time of 25 h may not."""
    read = calls.get(client, NAME)
    read.validate()
    for column in read.columns:
        column.to_pylist()
