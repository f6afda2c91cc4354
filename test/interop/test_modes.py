"""create, replace and append, and what an upload's answer says."""

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import calls, data

ONE, TWO = data.table(100, seed=1), data.table(50, seed=2)


def by_command(mode):
    return {"dataset": calls.command(dataset="stock", mode=mode)}


def by_metadata(mode):
    return {"dataset": "stock", "mode": mode}


@pytest.fixture(params=[by_command, by_metadata])
def say(request):
    """How the client says the mode."""
    return request.param


def test_create(client, say):
    calls.put(client, data=ONE, **say("create"))
    assert calls.get(client, "stock") == ONE


def test_create_of_an_existing_dataset_is_refused(client, say):
    calls.put(client, "stock", ONE)
    with pytest.raises(pa.ArrowException, match="stock") as refused:
        calls.put(client, data=TWO, **say("create"))
    assert "exist" in str(refused.value)
    assert calls.get(client, "stock") == ONE


def test_replace(client, say):
    calls.put(client, "stock", ONE)
    calls.put(client, data=TWO, **say("replace"))
    assert calls.get(client, "stock") == TWO


def test_replace_may_change_the_schema(client, say):
    calls.put(client, "stock", ONE)
    calls.put(client, data=data.people(), **say("replace"))
    assert calls.get(client, "stock") == data.people()
    assert calls.info(client, "stock").schema == data.people().schema


def test_append(client, say):
    calls.put(client, "stock", ONE)
    calls.put(client, data=TWO, **say("append"))
    assert calls.get(client, "stock") == pa.concat_tables([ONE, TWO])
    assert calls.info(client, "stock").total_records == 150


def test_append_to_parquet(client, say):
    calls.put(client, "stock.parquet", ONE)
    calls.put(client, "stock.parquet", TWO, mode="append")
    assert calls.get(client, "stock.parquet") == pa.concat_tables([ONE, TWO])


def test_append_to_a_missing_dataset_is_refused(client, say):
    with pytest.raises(pa.lib.ArrowKeyError, match="stock"):
        calls.put(client, data=ONE, **say("append"))
    assert calls.names(client) == []


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (ONE.drop_columns("number"), "number"),
        (ONE.append_column("extra", ONE["key"]), "extra"),
        (ONE.set_column(0, "key", ONE["key"].cast(pa.int32())), "key"),
        (ONE.rename_columns(["key", "number", "words"]), "words|text"),
    ],
    ids=["missing", "added", "type", "renamed"],
)
def test_append_with_another_schema_names_the_field(client, say, other, field):
    calls.put(client, "stock", ONE)
    with pytest.raises(pa.ArrowInvalid, match=field):
        calls.put(client, data=other, **say("append"))
    assert calls.get(client, "stock") == ONE


def test_replace_is_the_default(client):
    calls.put(client, "stock", ONE)
    calls.put(client, "stock", TWO)
    calls.put(client, calls.command(dataset="u"), TWO)
    assert calls.get(client, "stock") == TWO
    assert calls.get(client, "u") == TWO


@pytest.mark.parametrize("body", [b"", b"plain name", b"\x0a\x00\xff"], ids=repr)
def test_a_command_that_is_not_json_is_refused(client, body):
    with pytest.raises(pa.lib.ArrowNotImplementedError, match="JSON"):
        calls.put(client, flight.FlightDescriptor.for_command(body), ONE)
    assert calls.names(client) == []


@pytest.mark.parametrize(
    ("dataset", "mode", "said"),
    [
        (calls.command(dataset="stock", mode="upsert"), None, "upsert"),
        (calls.command(dataset="stock", mood="append"), None, "mood"),
        (calls.command(mode="append"), None, "dataset"),
        (calls.path("stock"), "upsert", "upsert"),
    ],
    ids=["unknown mode", "unknown key", "no dataset", "unknown mode in metadata"],
)
def test_a_bad_command_is_refused_with_its_reason(client, dataset, mode, said):
    with pytest.raises(pa.ArrowInvalid, match=said):
        calls.put(client, dataset, ONE, mode=mode)
    assert calls.names(client) == []


def test_put_result_tells_what_the_version_holds(client):
    first = calls.put(client, "stock", ONE)
    second = calls.put(client, "stock", TWO, mode="append")
    assert first["rows"] == 100
    assert first["bytes"] > 0
    assert second["rows"] == 150
    assert second["bytes"] > first["bytes"]
    assert second["version"] == first["version"] + 1


def test_a_right_row_count_commits(client):
    assert calls.put(client, "stock", ONE, rows=100)["rows"] == 100


def test_a_wrong_row_count_is_refused(client):
    calls.put(client, "stock", TWO)
    with pytest.raises(pa.ArrowInvalid, match="100"):
        calls.put(client, "stock", ONE, rows=101)
    assert calls.get(client, "stock") == TWO


def test_metadata_of_a_batch_comes_back_at_once(client):
    [batch] = data.people().to_batches()
    writer, results = client.do_put(calls.path("stock"), batch.schema)
    with writer:
        for i in range(3):
            writer.write_with_metadata(batch, b"batch %d" % i)
            assert results.read().to_pybytes() == b"batch %d" % i
        writer.done_writing()
        assert calls.last_result(results)["rows"] == 9


def test_a_writer_that_reads_no_answers_is_not_held_up(client):
    [batch] = data.people().to_batches()
    writer, _ = client.do_put(calls.path("stock"), batch.schema)
    with writer:
        for _ in range(2000):
            writer.write_with_metadata(batch, b"x" * 1000)
    assert calls.info(client, "stock").total_records == 6000
