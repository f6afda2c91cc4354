"""The server as a process: drain, restart, one server a directory, what it refuses to start with."""

import json
import threading

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import calls, data, server

NOISE = [data.noise(1 << 20, seed) for seed in range(4)] * 16
WHOLE = pa.Table.from_batches(NOISE)


def test_sigterm_lets_a_running_read_end(start):
    draining = start()
    with draining.connect() as client:
        calls.put(client, "t", NOISE)
        reader = client.do_get(flight.Ticket("t"))
        chunks = [reader.read_chunk().data]
        draining.terminate()
        with pytest.raises(flight.FlightUnavailableError), draining.connect() as late:
            calls.eventually(lambda: calls.names(late) and False)
        chunks += [chunk.data for chunk in reader]
    assert pa.Table.from_batches(chunks) == WHOLE
    assert draining.process.wait(60) == 0


def test_sigterm_lets_a_running_upload_end(start):
    draining = start()
    with draining.connect() as client:
        writer, results = client.do_put(calls.path("t"), NOISE[0].schema)
        with writer:
            writer.write_batch(NOISE[0])
            draining.terminate()
            for batch in NOISE[1:]:
                writer.write_batch(batch)
            writer.done_writing()
            assert calls.last_result(results)["rows"] == WHOLE.num_rows
    assert draining.process.wait(60) == 0
    with start().connect() as client:
        assert calls.get(client, "t") == WHOLE


def test_the_log_has_the_call_behind_an_error(start, tmp_path):
    """Every line is JSON, and the id that a client reads finds the call's."""
    file = tmp_path / "auth.yaml"
    server.run("token", "--auth-file", file, "--name", "reader", "--role", "Reader")
    logging = start("--log-format", "json", "--auth-file", file)
    with logging.connect() as client, pytest.raises(flight.FlightUnauthenticatedError) as refused:
        calls.names(client)

    def logged():
        lines = [json.loads(line) for line in logging.said().splitlines()]
        [call] = [line for line in lines if line["msg"] == "call"]
        assert call["id"].encode() in refused.value.extra_info
        assert (call["code"], call["method"].rpartition("/")[2]) == ("Unauthenticated", "ListFlights")

    calls.eventually(logged)


def test_data_survives_a_restart(start):
    first = start()
    with first.connect() as client:
        calls.put(client, "a/t", data.table(1000))
        calls.put(client, "t.parquet", data.table(1000, seed=1))
        version = calls.put(client, "a/t", data.table(10), mode="append")["version"]
    first.stop()
    with start().connect() as client:
        assert calls.names(client) == ["a/t", "t.parquet"]
        assert calls.get(client, "a/t") == pa.concat_tables([data.table(1000), data.table(10)])
        assert calls.get(client, "t.parquet") == data.table(1000, seed=1)
        assert calls.put(client, "a/t", data.table(1))["version"] == version + 1


def test_second_server_on_a_directory_is_refused(start, client):
    calls.put(client, "t", data.people())
    with pytest.raises(AssertionError, match="exit code 1") as refused:
        start()
    assert "data" in str(refused.value)
    assert calls.get(client, "t") == data.people()


def test_open_to_the_network_needs_tls_and_credentials(start):
    with pytest.raises(AssertionError, match="loopback"):
        start(listen="0.0.0.0:0")


def test_many_clients_at_once(server):
    """Writers and readers of many datasets, each with a connection of its own."""
    failures = []

    def use(number):
        try:
            with server.connect() as client:
                for _ in range(5):
                    calls.put(client, f"many/{number}", data.table(500, seed=number))
                    assert calls.get(client, f"many/{number}") == data.table(500, seed=number)
        except Exception as failure:  # shown by the assertion below
            failures.append(failure)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_appends_at_once_lose_nothing(server, client):
    calls.put(client, "t", data.table(0))

    def append(number):
        with server.connect() as other:
            calls.put(other, "t", data.table(100, seed=number), mode="append")

    threads = [threading.Thread(target=append, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = calls.get(client, "t").sort_by("number")
    assert read == pa.concat_tables(data.table(100, seed=number) for number in range(10)).sort_by("number")


def test_check_finds_a_flipped_byte(start):
    damaged = start()
    with damaged.connect() as client:
        calls.put(client, "damaged", data.table(10_000))
        calls.put(client, "sound.parquet", data.table(10_000))
    damaged.stop()
    assert server.run("check", "--data-dir", damaged.data_dir).returncode == 0

    [file] = [f for f in damaged.data_dir.rglob("*") if f.is_file() and f.read_bytes().startswith(b"ARROW1")]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)
    checked = server.run("check", "--data-dir", damaged.data_dir)
    assert checked.returncode == 1
    assert "damaged" in checked.stdout + checked.stderr
    assert "sound.parquet" not in checked.stdout + checked.stderr

    with start().connect() as client:
        with pytest.raises(pa.ArrowException):
            assert calls.get(client, "damaged") == data.table(10_000)
        assert calls.get(client, "sound.parquet") == data.table(10_000)
