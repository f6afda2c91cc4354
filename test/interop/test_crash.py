"""kill -9 of the server: what it acknowledged is whole, what it did not is absent or whole."""

import threading

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import calls, data, server

UPLOADS = 100
CLIENTS = 4
KILL_AFTER = (5, 40, 80)


def table(number):
    return data.table(2000, seed=number)


class Uploads:
    """A hundred uploads from a few clients, until the server is gone."""

    def __init__(self):
        self.ended, self.acknowledged = set(), set()
        self.numbers = iter(range(UPLOADS))
        self.lock = threading.Lock()
        self.progress = threading.Condition()

    def run(self, uri):
        try:
            with flight.connect(uri) as client:
                while (number := self._next()) is not None:
                    self._put(client, number)
        except (pa.ArrowException, flight.FlightError):
            pass  # the server was killed under this upload

    def _next(self):
        with self.lock:
            return next(self.numbers, None)

    def _put(self, client, number):
        name = f"crash/{number}" + (".parquet" if number % 5 == 0 else "")
        writer, results = client.do_put(calls.path(name), table(number).schema)
        with writer:
            writer.write_table(table(number), 500)
            with self.progress:
                self.ended.add((name, number))
            writer.done_writing()
            calls.last_result(results)
            with self.progress:
                self.acknowledged.add((name, number))
                self.progress.notify()

    def wait_for(self, acknowledged):
        with self.progress:
            assert self.progress.wait_for(lambda: len(self.acknowledged) >= acknowledged, timeout=60)


@pytest.mark.parametrize("kill_after", KILL_AFTER)
def test_kill_in_the_middle_of_a_hundred_uploads(start, kill_after):
    victim = start()
    uploads = Uploads()
    threads = [threading.Thread(target=uploads.run, args=(victim.uri,)) for _ in range(CLIENTS)]
    with victim.connect() as client:
        # Held open over the kill: its end is never sent.
        held, _ = client.do_put(calls.path("crash/held"), table(0).schema)
        held.write_table(table(0))
        for thread in threads:
            thread.start()
        uploads.wait_for(kill_after)
        victim.kill()
        for thread in threads:
            thread.join()
    assert kill_after <= len(uploads.acknowledged) < UPLOADS, "the server was killed in the middle"

    checked = server.run("check", "--data-dir", victim.data_dir)
    assert checked.returncode == 0, checked.stdout + checked.stderr

    restarted = start()
    with restarted.connect() as client:
        visible = set(calls.names(client))
        assert {name for name, _ in uploads.acknowledged} <= visible
        assert visible <= {name for name, _ in uploads.ended}
        for name, number in uploads.ended:
            if name in visible:
                assert calls.get(client, name) == table(number)
    restarted.stop()
    checked = server.run("check", "--data-dir", victim.data_dir)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_kill_in_the_middle_of_one_upload_leaves_nothing(start):
    victim = start()
    with victim.connect() as client:
        calls.put(client, "whole", table(1))
        held, _ = client.do_put(calls.path("half"), data.noise(1 << 20).schema)
        for _ in range(30):
            held.write_batch(data.noise(1 << 20))
        victim.kill()

    with start().connect() as client:
        assert calls.names(client) == ["whole"]
        assert calls.get(client, "whole") == table(1)
    big = [file for file in victim.data_dir.rglob("*") if file.is_file() and file.stat().st_size > 1 << 20]
    assert big == [], "what the crash left is cleaned up at the start"
