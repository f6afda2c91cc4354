"""Session options, by the bytes of Flight's own messages: pyarrow has no calls for them."""

import pytest
from pyarrow import flight

from harness import calls, users


def field(number, payload):
    """A length-delimited field of protobuf, of less than 128 bytes."""
    return bytes([number << 3 | 2, len(payload)]) + payload


def set_text(name, text):
    """SetSessionOptionsRequest of one string."""
    return field(1, field(1, name) + field(2, field(1, text)))


class Cookies(flight.ClientMiddlewareFactory):
    """Keeps the one cookie that the server sets."""

    def __init__(self):
        super().__init__()
        self.cookie = None

    def start_call(self, info):
        return _Cookie(self)


class _Cookie(flight.ClientMiddleware):
    def __init__(self, jar):
        super().__init__()
        self.jar = jar

    def sending_headers(self):
        return {"cookie": self.jar.cookie} if self.jar.cookie else {}

    def received_headers(self, headers):
        for value in headers.get("set-cookie", []):
            cookie, *attributes = value.split("; ")
            self.jar.cookie = None if "Max-Age=0" in attributes else cookie


def options(client, call=None):
    [result] = calls.act(client, "GetSessionOptions", b"", call)
    return result


def test_a_cookie_carries_the_session(server):
    jar = Cookies()
    with server.connect(middleware=[jar]) as client, server.connect() as other:
        assert options(client) == b""
        assert calls.act(client, "SetSessionOptions", set_text(b"schema", b"nyc")) == [b""]
        assert jar.cookie.startswith("arrow_flight_session_id=")
        assert options(client) == set_text(b"schema", b"nyc")
        assert options(other) == b""
        calls.act(client, "CloseSession")
        assert jar.cookie is None
        assert options(client) == b""


def test_the_bearer_carries_the_session(start, tmp_path):
    auth_file = tmp_path / "credentials.yaml"
    users.make(auth_file, "arya", "Needle", "Reader")
    with start("--auth-file", auth_file).connect() as client:
        first, second = (
            flight.FlightCallOptions(headers=[client.authenticate_basic_token("arya", "Needle")]) for _ in range(2)
        )
        calls.act(client, "SetSessionOptions", set_text(b"catalog", b"flight"), first)
        assert options(client, first) == set_text(b"catalog", b"flight")
        assert options(client, second) == b""


def test_names_and_bodies(client):
    [result] = calls.act(client, "SetSessionOptions", set_text(b"colour", b"red"))
    assert result == field(1, field(1, b"colour") + field(2, b"\x08\x01"))  # INVALID_NAME
    with pytest.raises(ValueError, match="SetSessionOptionsRequest"):
        calls.act(client, "SetSessionOptions", b"\xff")
