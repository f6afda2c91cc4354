"""Certificates, CAs and credentials are followed while the server runs."""

import pytest
from pyarrow import flight

from harness import calls, data, pki, tokens


@pytest.fixture
def files(tmp_path):
    return pki.Files(tmp_path / "tls")


def accepts(server, **options):
    with server.connect(**options) as client:
        try:
            calls.names(client)
        except flight.FlightUnavailableError:
            return False
        return True


def test_certificate_of_a_new_ca(start, files):
    old, new = pki.Authority(), pki.Authority()
    files.put_pair(old)
    server = start(*files.flags)
    with server.connect(tls_root_certs=old.pem) as open_before:
        calls.put(open_before, "t", data.people())

        files.put_pair(new)
        calls.eventually(lambda: accepts(server, tls_root_certs=new.pem))
        assert not accepts(server, tls_root_certs=old.pem)
        assert calls.get(open_before, "t") == data.people(), "an open connection lives on"


def test_last_good_pair_is_kept(start, files):
    authority = pki.Authority()
    files.put_pair(authority)
    server = start(*files.flags)
    certificate, _ = authority.issue()
    files.put(tls_crt=certificate, tls_key=b"-----BEGIN half a key")
    calls.eventually(lambda: "tls" in server.said())
    assert accepts(server, tls_root_certs=authority.pem)

    new = pki.Authority()
    files.put_pair(new)
    calls.eventually(lambda: accepts(server, tls_root_certs=new.pem))


def test_ca_of_clients(start, files):
    authority, old, new = pki.Authority(), pki.Authority("old"), pki.Authority("new")
    files.put_pair(authority, ca_crt=old.pem)
    server = start(*files.mutual_flags)
    clients = {}
    for name, ca in (("old", old), ("new", new)):
        chain, key = ca.issue("a client")
        clients[name] = {"tls_root_certs": authority.pem, "cert_chain": chain, "private_key": key}
    assert accepts(server, **clients["old"])
    assert not accepts(server, **clients["new"])

    files.put_pair(authority, ca_crt=old.pem + new.pem)
    calls.eventually(lambda: accepts(server, **clients["new"]))
    assert accepts(server, **clients["old"]), "both are valid during the overlap"

    files.put_pair(authority, ca_crt=new.pem)
    calls.eventually(lambda: not accepts(server, **clients["old"]))
    assert accepts(server, **clients["new"])


def allows(client, token):
    try:
        calls.names(client, options=tokens.header(token))
    except flight.FlightUnauthenticatedError:
        return False
    return True


def test_credentials(start, tmp_path):
    auth_file = tmp_path / "credentials.yaml"
    old = tokens.make(auth_file, "ann", "Reader")
    with start("--auth-file", auth_file).connect() as client:
        assert allows(client, old)

        new = tokens.make(auth_file, "ann", "Reader")
        calls.eventually(lambda: allows(client, new))
        assert allows(client, old), "both are valid during the overlap"

        only_new = tmp_path / "fresh.yaml"
        other = tokens.make(only_new, "eve", "Reader")
        only_new.replace(auth_file)
        calls.eventually(lambda: allows(client, other))
        assert not allows(client, old)
        assert not allows(client, new)


def test_role_that_changes(start, tmp_path):
    auth_file = tmp_path / "credentials.yaml"
    token = tokens.make(auth_file, "ann", "Reader")
    with start("--auth-file", auth_file).connect() as client:
        with pytest.raises(flight.FlightUnauthorizedError):
            calls.put(client, "t", data.people(), options=tokens.header(token))
        auth_file.write_text(auth_file.read_text().replace("Reader", "Writer"))

        def put():
            try:
                calls.put(client, "t", data.people(), options=tokens.header(token))
            except flight.FlightUnauthorizedError:
                return False

        calls.eventually(put)


def test_last_good_credentials_are_kept(start, tmp_path):
    auth_file = tmp_path / "credentials.yaml"
    token = tokens.make(auth_file, "ann", "Reader")
    server = start("--auth-file", auth_file)
    with server.connect() as client:
        auth_file.write_text("tokens: [not: [closed")
        calls.eventually(lambda: "credentials" in server.said())
        assert allows(client, token)
        assert not allows(client, "nonsense")
