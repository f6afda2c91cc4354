"""Where endpoints say that their data is: what was advertised, and the client's own connection."""

import socket
import tempfile

import pytest
from pyarrow import flight

from harness import calls, data, pki

REUSE = "arrow-flight-reuse-connection://?"


@pytest.fixture
def address():
    """A free port, known before the server starts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def locations(endpoint):
    return [location.uri.decode() for location in endpoint.locations]


def test_nothing_advertised(client):
    """The address that a server listens on is nothing that clients could use."""
    calls.put(client, "t", data.people())
    [endpoint] = calls.info(client, "t").endpoints
    assert locations(endpoint) == [REUSE]


@pytest.mark.parametrize("scheme", ["grpc", "grpc+tcp"])
def test_advertised_address(start, address, scheme):
    server = start("--advertise", f"{scheme}://{address}", listen=address)
    with server.connect() as client:
        calls.put(client, "t", data.people())
        [endpoint] = calls.info(client, "t").endpoints
    assert locations(endpoint) == [f"{scheme}://{address}", REUSE]
    with flight.connect(endpoint.locations[0]) as other:
        assert other.do_get(endpoint.ticket).read_all() == data.people()


def test_advertised_socket(start):
    with tempfile.TemporaryDirectory(prefix="fs") as folder:  # a socket's path is short
        uri = f"unix://{folder}/flight.sock"
        with start("--advertise", f"grpc+{uri}", listen=uri).connect() as client:
            calls.put(client, "t", data.people())
            [endpoint] = calls.info(client, "t").endpoints
        assert locations(endpoint) == [f"grpc+{uri}", REUSE]
        with flight.connect(endpoint.locations[0]) as other:
            assert other.do_get(endpoint.ticket).read_all() == data.people()


def test_several_addresses_keep_their_order(start, address):
    """A client inside the network and one outside each find theirs."""
    server = start("--advertise", "grpc+tls://flight.example:443", "--advertise", f"grpc://{address}", listen=address)
    with server.connect() as client:
        calls.put(client, "t", data.people())
        [endpoint] = calls.info(client, "t").endpoints
        targets = calls.act(client, "where_to_put", calls.path("t").serialize())
    assert locations(endpoint) == ["grpc+tls://flight.example:443", f"grpc://{address}", REUSE]
    assert [uri.encode() in target for uri, target in zip(locations(endpoint), targets, strict=True)] == [True] * 3


def test_advertised_address_with_tls(start, address, tmp_path):
    authority, files = pki.Authority(), pki.Files(tmp_path / "tls")
    files.put_pair(authority)
    server = start("--advertise", f"grpc+tls://{address}", *files.flags, listen=address)
    with server.connect(tls_root_certs=authority.pem) as client:
        calls.put(client, "t", data.people())
        [endpoint] = calls.info(client, "t").endpoints
    assert locations(endpoint) == [f"grpc+tls://{address}", REUSE]
    with flight.connect(endpoint.locations[0], tls_root_certs=authority.pem) as other:
        assert other.do_get(endpoint.ticket).read_all() == data.people()
