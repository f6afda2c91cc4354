"""The probe by pyarrow: main.go tells what it does and how it is called."""

import json
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import flight

PAUSE = 0.05
ROWS = 1000
BEGIN_TIME = 60
EXCHANGE_TIME = 45  # longer than a connection takes new calls
EXCHANGE_PAUSE = 0.5
DATASET = flight.FlightDescriptor.for_path("probe-pyarrow")
ECHO = flight.FlightDescriptor.for_command(b"echo")

stopping = threading.Event()


def table(number):
    return pa.table({"n": pa.array([number] * ROWS, pa.int64())})


class Session:
    """A client that reads the Secret anew for each call.

    A FlightClient keeps the roots that it was made with, so another is made when
    they change.
    """

    def __init__(self, folder, address):
        self.folder, self.address = folder, address
        self.roots, self.flight = None, None

    def read(self, key):
        return (self.folder / key).read_text()

    def client(self):
        roots = self.read("ca.crt")
        if roots != self.roots:
            if self.flight is not None:
                self.flight.close()
            host = urlsplit(self.read("uri")).hostname
            self.flight = flight.FlightClient(f"grpc+tls://{self.address}", tls_root_certs=roots, override_hostname=host)
            self.roots = roots
        return self.flight

    def options(self):
        return flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {self.read('token')}".encode())])


class Tally:
    def __init__(self):
        self.lock = threading.Lock()
        self.requests, self.retried, self.failed = 0, Counter(), Counter()

    def repeat(self, what, call):
        while not stopping.is_set():
            first = last = attempt(call)
            if connection_ended(first):
                last = attempt(call)
            if stopping.is_set() and last is not None:
                return
            with self.lock:
                self.requests += 1
                if connection_ended(first):
                    self.retried[f"{what}: {text(first)}"] += 1
                if last is not None:
                    self.failed[f"{what}: {text(last)}"] += 1
            time.sleep(PAUSE)

    def tell(self):
        with self.lock:
            counts = {"requests": self.requests, "retried": self.retried, "failed": self.failed}
            print(json.dumps(counts), flush=True)


def attempt(call):
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
        return error
    return None


def connection_ended(error):
    """Tells a client's own UNAVAILABLE from that of a server, which says why."""
    return isinstance(error, flight.FlightUnavailableError) and not error.extra_info


def text(error):
    # What follows has times and addresses in it.
    return f"{type(error).__name__}: {error}".split(". gRPC client debug context")[0].split(". Client context")[0]


class Consumer:
    """Writes tables in which each row has the number of the upload."""

    def __init__(self, folder, address):
        # A Session is used by one thread.
        self.writer, self.reader, self.exchanger = (Session(folder / token, address) for token in ("etl", "dashboard", "dashboard"))
        self.acknowledged = 0

    def put(self, number=None):
        number = self.acknowledged + 1 if number is None else number
        writer, results = self.writer.client().do_put(DATASET, table(number).schema, self.writer.options())
        with writer:
            writer.write_table(table(number))
            writer.done_writing()
            while results.read() is not None:
                pass
        self.acknowledged = number

    def get(self):
        least = self.acknowledged
        client, options = self.reader.client(), self.reader.options()
        info = client.get_flight_info(DATASET, options)
        got = pa.concat_tables(client.do_get(e.ticket, options).read_all() for e in info.endpoints)
        numbers = got["n"].unique().to_pylist()
        if got.num_rows != ROWS or len(numbers) != 1 or numbers[0] < least:
            raise AssertionError(f"read {got.num_rows} rows of uploads {numbers}, after upload {least} was acknowledged")

    def exchange(self):
        """Holds a stream open, on which every message comes back."""
        batch = table(0).to_batches()[0]
        writer, reader = self.exchanger.client().do_exchange(ECHO, self.exchanger.options())
        with writer:
            writer.begin(batch.schema)
            end = time.monotonic() + EXCHANGE_TIME
            while time.monotonic() < end and not stopping.is_set():
                writer.write_batch(batch)
                if reader.read_chunk().data != batch:
                    raise AssertionError("the echo is another batch")
                stopping.wait(EXCHANGE_PAUSE)
            writer.done_writing()


def begin(consumer):
    """Makes the dataset. A Service leads nowhere for a while after its pods have become ready."""
    end = time.monotonic() + BEGIN_TIME
    while connection_ended(error := attempt(lambda: consumer.put(0))) and time.monotonic() < end:
        time.sleep(1)
    if error is not None:
        raise error


def main():
    folder, address = Path(sys.argv[1]), sys.argv[2]
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    consumer, tally = Consumer(folder, address), Tally()
    begin(consumer)
    calls = {"put": consumer.put, "get": consumer.get, "exchange": consumer.exchange}
    threads = [threading.Thread(target=tally.repeat, args=call) for call in calls.items()]
    for thread in threads:
        thread.start()
    while not stopping.wait(1):
        tally.tell()
    for thread in threads:
        thread.join()
    tally.tell()


if __name__ == "__main__":
    main()
