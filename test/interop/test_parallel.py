"""Parallel uploads: many streams, one version."""

import json
from concurrent import futures

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import calls

PARTS = 8
ROWS = 1000


def part(number):
    return pa.table({"part": [number] * ROWS, "row": list(range(ROWS))})


def begin(client, **body):
    [started] = calls.act(client, "StartParallelUpload", body)
    return json.loads(started)["upload"]


def upload(client, name, mode="replace"):
    id = begin(client, dataset=name, mode=mode)
    command = calls.command(dataset=name, mode=mode, upload=id)
    with futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: calls.put(client, command, part(n)), range(PARTS)))
    return id


def test_nothing_is_visible_before_the_end(client):
    id = upload(client, "t")
    assert calls.names(client) == []
    [finished] = calls.act(client, "FinishParallelUpload", {"upload": id})
    assert json.loads(finished)["rows"] == PARTS * ROWS
    assert calls.act(client, "FinishParallelUpload", {"upload": id}) == [finished]
    read = calls.get(client, "t").sort_by([("part", "ascending"), ("row", "ascending")])
    assert read == pa.concat_tables([part(n) for n in range(PARTS)])


def test_each_stream_is_an_endpoint(client):
    calls.act(client, "FinishParallelUpload", {"upload": upload(client, "t")})
    endpoints = calls.info(client, "t").endpoints
    assert len(endpoints) == PARTS
    for endpoint in endpoints:
        assert len(set(client.do_get(endpoint.ticket).read_all()["part"].to_pylist())) == 1


def test_parts_stand_where_their_numbers_say(client):
    id = begin(client, dataset="t")
    for number in (2, 0, 1, 0):
        command = calls.command(dataset="t", upload=id, part=number)
        writer, _ = client.do_put(command, part(number).schema)
        with writer:
            writer.write_with_metadata(part(number).to_batches()[0], f"of {number}".encode())
    calls.act(client, "FinishParallelUpload", {"upload": id})
    assert calls.get(client, "t") == pa.concat_tables([part(n) for n in range(3)])
    chunks = list(client.do_get(flight.Ticket("t")))
    assert [chunk.data["part"][0].as_py() for chunk in chunks] == [0, 1, 2]
    assert [chunk.app_metadata.to_pybytes() for chunk in chunks] == [b"of 0", b"of 1", b"of 2"]


def test_abort(client):
    calls.put(client, "t", part(0))
    id = upload(client, "t", "append")
    assert calls.act(client, "AbortParallelUpload", {"upload": id}) == []
    with pytest.raises(pa.ArrowInvalid, match="upload"):
        calls.act(client, "FinishParallelUpload", {"upload": id})
    assert calls.get(client, "t") == part(0)


def test_a_restart_aborts(start):
    first = start()
    with first.connect() as client:
        id = upload(client, "t")
    first.stop()
    with start().connect() as client:
        with pytest.raises(pa.ArrowInvalid, match="upload"):
            calls.act(client, "FinishParallelUpload", {"upload": id})
        assert calls.names(client) == []
