"""Bearer tokens and roles, and the texts of refusals."""

import base64

import pytest
from pyarrow import flight

from harness import calls, data, server, tokens


@pytest.fixture
def auth_file(tmp_path):
    return tmp_path / "credentials.yaml"


@pytest.fixture
def reader(auth_file):
    return tokens.make(auth_file, "ann", "Reader")


@pytest.fixture
def writer(auth_file):
    return tokens.make(auth_file, "bob", "Writer")


@pytest.fixture
def guarded(start, auth_file, reader, writer):
    return start("--auth-file", auth_file)


@pytest.fixture
def client(guarded, writer):
    """A client that says nothing by itself, beside a dataset "t"."""
    with guarded.connect() as client:
        calls.put(client, "t", data.people(), options=tokens.header(writer))
        yield client


def get_schema(client, options):
    try:
        return client.get_schema(calls.path("t"), options)
    except OSError as refused:
        # pyarrow raises all of Flight's errors as this one here.
        raise flight.FlightUnauthenticatedError(str(refused)) from None


EVERY_CALL = {
    "ListFlights": lambda client, options: list(client.list_flights(options=options)),
    "GetFlightInfo": lambda client, options: calls.info(client, "t", options),
    "GetSchema": get_schema,
    "DoGet": lambda client, options: client.do_get(flight.Ticket("t"), options).read_all(),
    "DoPut": lambda client, options: calls.put(client, "t", data.people(), options=options),
    "DoAction": lambda client, options: calls.act(client, "drop_dataset", b"t", options),
    "echo": lambda client, options: calls.act(client, "echo", b"t", options),
    "ListActions": lambda client, options: list(client.list_actions(options)),
}
every_call = pytest.mark.parametrize("call", EVERY_CALL.values(), ids=EVERY_CALL.keys())


def test_header_of_a_call(client, reader):
    assert calls.get(client, "t", tokens.header(reader)) == data.people()


def test_middleware_of_a_client(guarded, client, reader):
    with guarded.connect(middleware=[tokens.Middleware(reader)]) as other:
        assert calls.names(other) == ["t"]
        assert calls.get(other, "t") == data.people()


@every_call
def test_no_credentials(client, call):
    with pytest.raises(flight.FlightUnauthenticatedError, match="No credentials supplied"):
        call(client, None)


@every_call
def test_unknown_token(client, reader, call):
    swapped = reader[:-1] + ("A" if reader[-1] != "A" else "B")
    for token in ("nonsense", swapped, reader + "x", reader.lower(), f"fl1_{'a' * 8}_{'A' * 43}"):
        with pytest.raises(flight.FlightUnauthenticatedError, match="Invalid token"):
            call(client, tokens.header(token))


@pytest.mark.parametrize("value", [b"", b"Bearer", b"Bearer ", b"Token abc", b"Basic !!!"], ids=repr)
def test_malformed_header(client, value):
    options = flight.FlightCallOptions(headers=[(b"authorization", value)])
    with pytest.raises(flight.FlightUnauthenticatedError):
        calls.names(client, options=options)


def test_password_of_nobody(client):
    basic = base64.b64encode(b"ann:secret")
    options = flight.FlightCallOptions(headers=[(b"authorization", b"Basic " + basic)])
    with pytest.raises(flight.FlightUnauthenticatedError):
        calls.names(client, options=options)


@pytest.mark.parametrize("mode", ["create", "replace", "append"])
def test_reader_cannot_write(client, reader, mode):
    for dataset in (calls.path("t"), calls.command(dataset="t", mode=mode)):
        with pytest.raises(flight.FlightUnauthorizedError, match="write.*t"):
            calls.put(client, dataset, data.table(5), options=tokens.header(reader))
    assert calls.get(client, "t", tokens.header(reader)) == data.people()


def test_reader_cannot_drop(client, reader):
    with pytest.raises(flight.FlightUnauthorizedError, match="drop.*t"):
        calls.act(client, "drop_dataset", b"t", tokens.header(reader))
    assert calls.names(client, options=tokens.header(reader)) == ["t"]


def test_reader_may_do_all_else(client, reader):
    for name in ("ListFlights", "GetFlightInfo", "GetSchema", "DoGet", "echo", "ListActions"):
        EVERY_CALL[name](client, tokens.header(reader))


@every_call
def test_writer_may_do_all(client, writer, call):
    call(client, tokens.header(writer))


def test_a_ticket_does_not_stand_for_credentials(client, reader):
    ticket = calls.info(client, "t", tokens.header(reader)).endpoints[0].ticket
    with pytest.raises(flight.FlightUnauthenticatedError, match="No credentials supplied"):
        client.do_get(ticket).read_all()


def test_refusal_tells_nothing_of_datasets(client):
    """Whoever may not ask learns nothing from the answer."""
    refusals = []
    for name in ("t", "nowhere"):
        with pytest.raises(flight.FlightUnauthenticatedError) as refused:
            client.do_get(flight.Ticket(name)).read_all()
        refusals.append(str(refused.value))
    assert refusals[0] == refusals[1]


def test_credentials_file_holds_no_token(auth_file, reader, writer):
    content = auth_file.read_text()
    for token in (reader, writer):
        assert token not in content
        assert token.rsplit("_", 1)[1] not in content


def test_log_holds_no_token(guarded, client, reader):
    calls.get(client, "t", tokens.header(reader))
    with pytest.raises(flight.FlightUnauthenticatedError):
        calls.names(client, options=tokens.header(reader + "x"))
    assert reader not in guarded.said()


def test_bad_role_is_refused_by_the_command(auth_file):
    made = server.run("token", "--auth-file", auth_file, "--name", "eve", "--role", "Root")
    assert made.returncode != 0
    assert "Root" in made.stderr
    assert not auth_file.exists()
