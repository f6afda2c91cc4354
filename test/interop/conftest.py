"""Fixtures; helpers live in harness/."""

import pathlib

import pytest

from harness import server as flightserver

FIGURES = pytest.StashKey[list]()


def pytest_configure(config):
    if not pathlib.Path(flightserver.BINARY).exists():
        raise pytest.UsageError(f"{flightserver.BINARY} is missing; test/interop/run.sh builds it")
    config.stash[FIGURES] = []


@pytest.fixture
def start(tmp_path):
    """A function that starts a server; each one must end with exit code 0."""
    started = []

    def start(*flags, data_dir=tmp_path / "data", **options):
        log = tmp_path / f"flightserver-{len(started)}.log"
        print(f"starting server {len(started)} with {flags}")
        started.append(flightserver.Server(data_dir, log, flags, **options))
        return started[-1]

    yield start
    running = [server for server in started if server.running()]
    try:
        for server in running:
            server.stop()
    finally:
        for server in started:
            if server.running():
                server.kill()
            # pytest shows this only where a test failed.
            print(f"{server.log.name}:\n{server.said()[-20_000:]}")


@pytest.fixture
def server(start):
    """A server without TLS and without credentials."""
    return start()


@pytest.fixture
def client(server):
    with server.connect() as client:
        yield client


@pytest.fixture
def figure(request):
    """A function that adds a line to the figures at the end of the output."""
    return request.config.stash[FIGURES].append


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[FIGURES]:
        terminalreporter.section("figures")
        for line in config.stash[FIGURES]:
            terminalreporter.write_line(line)
