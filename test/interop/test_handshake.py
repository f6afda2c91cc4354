"""Passwords: both handshakes, and Basic on any call."""

import pytest
from pyarrow import flight

from harness import calls, data, users

PASSWORD = "Needle: of Winterfell"


@pytest.fixture
def auth_file(tmp_path):
    path = tmp_path / "credentials.yaml"
    users.make(path, "arya", PASSWORD, "Writer")
    return path


@pytest.fixture
def guarded(start, auth_file):
    return start("--auth-file", auth_file)


@pytest.fixture
def client(guarded):
    with guarded.connect() as client:
        yield client


def test_authenticate_basic_token(client, guarded):
    name, value = client.authenticate_basic_token("arya", PASSWORD)
    assert name == b"authorization"
    assert value.startswith(b"Bearer ")
    options = flight.FlightCallOptions(headers=[(name, value)])
    calls.put(client, "t", data.people(), options=options)
    assert calls.get(client, "t", options) == data.people()
    assert PASSWORD not in guarded.said()
    assert value[20:60].decode() not in guarded.said()


@pytest.mark.parametrize(("name", "password"), [("arya", "needle"), ("cersei", PASSWORD), ("", "")])
def test_wrong_password(client, name, password):
    with pytest.raises(flight.FlightUnauthenticatedError, match="Unknown user or invalid password"):
        client.authenticate_basic_token(name, password)


def test_no_credentials(client):
    with pytest.raises(flight.FlightUnauthenticatedError, match="No credentials supplied"):
        list(client.list_flights())


class BasicHandshake(flight.ClientAuthHandler):
    """A client of the handshake with a BasicAuth message."""

    def __init__(self, name, password):
        super().__init__()
        self.basic = flight.BasicAuth(name, password)
        self.token = None

    def authenticate(self, outgoing, incoming):
        outgoing.write(self.basic.serialize())
        self.token = incoming.read()

    def get_token(self):
        return self.token


def test_handshake_by_message(client):
    client.authenticate(BasicHandshake("arya", PASSWORD))
    calls.put(client, "t", data.people())
    assert calls.get(client, "t") == data.people()


def test_handshake_by_message_with_a_wrong_password(client):
    with pytest.raises(flight.FlightUnauthenticatedError, match="Unknown user or invalid password"):
        client.authenticate(BasicHandshake("arya", "needle"))


class HeaderAuthFactory(flight.ClientMiddlewareFactory):
    """Sends the password until a bearer comes back, as the Arrow Python cookbook does."""

    def __init__(self):
        super().__init__()
        self.credentials = []
        self.sent = []

    def start_call(self, info):
        return HeaderAuth(self)

    def received(self, headers):
        for name, values in headers.items():
            if name.lower() == "authorization":
                self.credentials = values


class HeaderAuth(flight.ClientMiddleware):
    def __init__(self, factory):
        super().__init__()
        self.factory = factory

    def sending_headers(self):
        value = self.factory.credentials[0] if self.factory.credentials else users.basic("arya", PASSWORD).decode()
        self.factory.sent.append(value.split()[0])
        return {"authorization": value}

    def received_headers(self, headers):
        self.factory.received(headers)


def test_basic_on_any_call(guarded):
    middleware = HeaderAuthFactory()
    with guarded.connect(middleware=[middleware]) as client:
        for _ in range(3):
            assert calls.act(client, "echo", b"x") == [b"x"]
    assert middleware.sent == ["Basic", "Bearer", "Bearer"]


def test_a_new_password_ends_logins(client, auth_file):
    header = client.authenticate_basic_token("arya", PASSWORD)
    options = flight.FlightCallOptions(headers=[header])
    assert calls.names(client, options=options) == []
    users.make(auth_file, "arya", "another", "Writer")

    def refused():
        with pytest.raises(flight.FlightUnauthenticatedError, match="Invalid token"):
            calls.names(client, options=options)
        return True

    def ended():
        try:
            return refused()
        except pytest.fail.Exception:
            return False

    calls.eventually(ended)
    client.authenticate_basic_token("arya", "another")


def test_login_on_a_server_for_everybody(start):
    with start().connect() as client:
        header = client.authenticate_basic_token("any", "thing")
        assert calls.names(client, options=flight.FlightCallOptions(headers=[header])) == []


def test_bearers_outlive_a_restart(start, auth_file):
    first = start("--auth-file", auth_file)
    with first.connect() as client:
        header = client.authenticate_basic_token("arya", PASSWORD)
    first.stop()
    with start("--auth-file", auth_file).connect() as client:
        assert calls.names(client, options=flight.FlightCallOptions(headers=[header])) == []
