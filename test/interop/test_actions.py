"""Actions over names and versions."""

import json

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import calls, data, tokens


def results(client, action, body=b"", options=None):
    return [json.loads(result) for result in calls.act(client, action, body, options)]


def test_versions(client):
    first, second = data.people(), data.people().slice(0, 1)
    calls.put(client, "t", first)
    calls.put(client, "t", second)
    versions = results(client, "list_versions", b"t")
    assert [v["rows"] for v in versions] == [3, 1]
    [restored] = results(client, "restore_version", {"dataset": "t", "version": versions[0]["version"]})
    assert restored["rows"] == 3
    assert calls.get(client, "t") == first
    assert len(results(client, "list_versions", {"dataset": "t"})) == 3


def test_rename(client):
    calls.put(client, "t", data.people())
    assert calls.act(client, "rename_dataset", {"from": "t", "to": "people/all"}) == []
    assert calls.names(client) == ["people/all"]
    assert calls.get_by_name(client, "people/all") == data.people()
    calls.put(client, "t", data.people())
    with pytest.raises(pa.ArrowException, match="people/all"):
        calls.act(client, "rename_dataset", {"from": "t", "to": "people/all"})


def test_pin(client):
    calls.put(client, "t", data.people())
    for action in ("pin", "unpin"):
        assert calls.act(client, action, b"t") == []
        with pytest.raises(KeyError, match="none"):
            calls.act(client, action, b"none")


def test_where_to_put(start):
    server = start("--advertise", "grpc://flight.example:8815")
    with server.connect() as client:
        found = calls.act(client, "where_to_put", calls.path("t").serialize())
    assert [b"grpc://flight.example:8815" in found[0], b"arrow-flight-reuse-connection://?" in found[-1]] == [True, True]


def test_health(client):
    calls.put(client, "t", data.people())
    [health] = results(client, "health")
    assert health["status"] == "serving"
    assert health["datasets"] == 1
    assert 0 < health["usedBytes"] < health["capacityBytes"]


def test_a_reader_sees_what_a_reader_may_do(start, tmp_path):
    auth_file = tmp_path / "credentials.yaml"
    reader = tokens.header(tokens.make(auth_file, "ann", "Reader"))
    with start("--auth-file", auth_file).connect() as client:
        listed = {action.type for action in client.list_actions(reader)}
        assert {"list_versions", "health", "GetSessionOptions"} <= listed
        for action in ("drop_dataset", "rename_dataset", "restore_version", "pin", "StartParallelUpload"):
            assert action not in listed
        with pytest.raises(flight.FlightUnauthorizedError, match='pin on dataset "t"'):
            calls.act(client, "pin", b"t", reader)
