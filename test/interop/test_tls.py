"""TLS and mutual TLS, and who is refused."""

import pytest
from pyarrow import flight

from harness import calls, data, pki


@pytest.fixture
def files(tmp_path):
    return pki.Files(tmp_path / "tls")


@pytest.fixture
def authority():
    return pki.Authority()


def works(server, **options):
    with server.connect(**options) as client:
        calls.put(client, "t.parquet", data.people())
        return calls.get(client, "t.parquet") == data.people()


def assert_refused(server, **options):
    with server.connect(**options) as client, pytest.raises(flight.FlightUnavailableError):
        calls.names(client)


def test_client_with_the_ca(start, files, authority):
    files.put_pair(authority)
    server = start(*files.flags)
    assert server.uri.startswith("grpc+tls://")
    assert works(server, tls_root_certs=authority.pem)


def test_client_with_another_ca_is_refused(start, files, authority):
    files.put_pair(authority)
    assert_refused(start(*files.flags), tls_root_certs=pki.Authority().pem)


def test_client_without_a_ca_is_refused(start, files, authority):
    files.put_pair(authority)
    assert_refused(start(*files.flags))


def test_plaintext_client_is_refused(start, files, authority):
    files.put_pair(authority)
    server = start(*files.flags)
    with flight.connect(f"grpc://{server.address}") as client, pytest.raises(flight.FlightUnavailableError):
        calls.names(client)
    assert works(server, tls_root_certs=authority.pem)


def test_mutual_tls(start, files, authority):
    clients = pki.Authority("the clients' CA")
    files.put_pair(authority, ca_crt=clients.pem)
    server = start(*files.mutual_flags)
    chain, key = clients.issue("a client")
    assert works(server, tls_root_certs=authority.pem, cert_chain=chain, private_key=key)

    assert_refused(server, tls_root_certs=authority.pem)
    chain, key = pki.Authority("the clients' CA").issue("a client")
    assert_refused(server, tls_root_certs=authority.pem, cert_chain=chain, private_key=key)


def test_key_of_another_certificate_stops_the_start(start, files, authority):
    (certificate, _), (_, key) = authority.issue(), authority.issue()
    files.put(tls_crt=certificate, tls_key=key)
    with pytest.raises(AssertionError, match=r"tls\.(crt|key)"):
        start(*files.flags)


def test_missing_certificate_stops_the_start(start, files):
    with pytest.raises(AssertionError, match=r"tls\.crt"):
        start(*files.flags)
