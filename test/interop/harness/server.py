"""The program under test, `flightserver`, as a process of its own."""

import contextlib
import os
import pathlib
import queue
import signal
import socket
import subprocess
import threading
import types

from pyarrow import flight

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("FLIGHTSERVER", str(REPOSITORY / "bin" / "flightserver"))
READY = "flightserver ready "
START_TIMEOUT = 60
STOP_TIMEOUT = 60


def free_address():
    """HOST:PORT of a port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "{}:{}".format(*probe.getsockname())


def run(*arguments):
    """Run a command of flightserver to its end."""
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=120)


class Server:
    """One `flightserver serve`, ready to be called once it is made."""

    def __init__(self, data_dir, log, flags=(), listen="127.0.0.1:0"):
        self.data_dir = pathlib.Path(data_dir)
        self.log = pathlib.Path(log)
        command = [BINARY, "serve", "--data-dir", data_dir, "--listen", listen, "--ops-listen", "", *flags]
        with self.log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self.uri = self._wait_until_ready()

    def _wait_until_ready(self):
        lines = queue.SimpleQueue()

        # The pipe is read to its end, so that the server never blocks on it.
        def read():
            with self.process.stdout as stdout:
                for line in stdout:
                    lines.put(line.rstrip("\n"))
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        try:
            line = lines.get(timeout=START_TIMEOUT)
        except queue.Empty:
            self.kill()
            raise AssertionError(f"no ready line within {START_TIMEOUT} s:\n{self.said()}") from None
        if line is None or not line.startswith(READY):
            self.kill()
            raise AssertionError(f"first line is {line!r}, exit code {self.process.returncode}:\n{self.said()}")
        return line.removeprefix(READY)

    @property
    def address(self):
        """HOST:PORT of the data port."""
        return self.uri.split("://", 1)[1]

    def connect(self, **options):
        return flight.connect(self.uri, **options)

    def said(self):
        """What the server wrote to stderr."""
        return self.log.read_text(errors="replace")

    def running(self):
        return self.process.poll() is None

    @contextlib.contextmanager
    def memory(self):
        """Watch the process's own memory; the value's peak is its most so far, in bytes.

        Pages of mapped files are not counted: the kernel takes them back at will.
        """
        done, watched = threading.Event(), types.SimpleNamespace(peak=self._anonymous())

        def watch():
            while not done.wait(0.02):
                watched.peak = max(watched.peak, self._anonymous())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield watched
        finally:
            done.set()
            watcher.join()

    def _anonymous(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("RssAnon:"))
        return int(line.split()[1]) * 1024

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        """Ask the server to end and demand that it does so in good order."""
        self.terminate()
        try:
            code = self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {STOP_TIMEOUT} s after SIGTERM") from None
        assert code == 0, f"exit code {code} after SIGTERM"
        assert "panic" not in self.said()

    def kill(self):
        """End the server as a power cut would end the process."""
        self.process.kill()
        self.process.wait()
