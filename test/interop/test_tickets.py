"""Tickets: signed, bound to a version, and what a running read sees."""

import base64
import json

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import calls, data

ONE, TWO = data.table(100, seed=1), data.table(50, seed=2)
BIG = [data.noise(1 << 20, seed) for seed in range(64)]


@pytest.fixture
def ticket(client):
    calls.put(client, "t", ONE)
    return calls.info(client, "t").endpoints[0].ticket.ticket


def encode(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def other_character(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


TAMPERED = {
    "signature": lambda head, claims, sign: [head, claims, other_character(sign, 5)],
    "claims": lambda head, claims, sign: [head, other_character(claims, 5), sign],
    "header": lambda head, claims, sign: [other_character(head, 5), claims, sign],
    "no signature": lambda head, claims, sign: [head, claims, ""],
    "algorithm none": lambda head, claims, sign: [encode(b'{"alg":"none","typ":"JWT"}'), claims, ""],
    "cut": lambda head, claims, sign: [head, claims],
    "not a token": lambda head, claims, sign: ["nonsense"],
    "empty": lambda head, claims, sign: [""],
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED.keys())
def test_tampered_ticket_is_refused(client, ticket, tamper):
    body = json.loads(ticket)
    body["ticket"] = ".".join(tamper(*body["ticket"].split(".")))
    with pytest.raises(pa.ArrowInvalid, match="Invalid ticket"):
        client.do_get(flight.Ticket(json.dumps(body))).read_all()


@pytest.mark.parametrize("body", [b"{}", b'{"ticket": 1}', b'{"tickets": ""}'], ids=str)
def test_json_that_is_no_ticket_is_refused(client, ticket, body):
    with pytest.raises(pa.ArrowInvalid):
        client.do_get(flight.Ticket(body)).read_all()


def test_ticket_of_another_server_is_refused(start, ticket, tmp_path):
    with start(data_dir=tmp_path / "other").connect() as other:
        calls.put(other, "t", ONE)
        with pytest.raises(pa.ArrowInvalid, match="Invalid ticket"):
            other.do_get(flight.Ticket(ticket)).read_all()


def test_ticket_survives_a_restart(start, server, ticket):
    server.stop()
    with start().connect() as client:
        assert client.do_get(flight.Ticket(ticket)).read_all() == ONE


def test_ticket_can_be_used_again(client, ticket):
    for _ in range(3):
        assert client.do_get(flight.Ticket(ticket)).read_all() == ONE


def test_ticket_pins_the_version(client, ticket):
    calls.put(client, "t", TWO)
    calls.put(client, "t", TWO, mode="append")
    assert client.do_get(flight.Ticket(ticket)).read_all() == ONE
    assert calls.get(client, "t").num_rows == 100


def test_ticket_of_a_dropped_dataset_is_refused_though_the_name_is_made_again(client, ticket):
    calls.drop(client, "t")
    calls.put(client, "t", TWO)
    with pytest.raises(pa.lib.ArrowKeyError):
        client.do_get(flight.Ticket(ticket)).read_all()


def replace(client):
    calls.put(client, "big", TWO)


def append(client):
    calls.put(client, "big", BIG[:1], mode="append")


def drop(client):
    calls.drop(client, "big")


@pytest.mark.parametrize("change", [replace, append, drop])
def test_a_running_read_sees_its_version_to_the_end(client, change):
    calls.put(client, "big", BIG)
    reader = client.do_get(calls.info(client, "big").endpoints[0].ticket)
    chunks = [reader.read_chunk().data]
    change(client)
    chunks += [chunk.data for chunk in reader]
    assert pa.Table.from_batches(chunks) == pa.Table.from_batches(BIG)


def test_readers_beside_a_writer_never_see_a_mixture(server, client):
    """Every table read is one that was written, while versions change quickly."""
    calls.put(client, "t", data.table(2000, seed=0))
    for seed in range(1, 20):
        with server.connect() as other:
            reader = other.do_get(flight.Ticket("t"))
            calls.put(client, "t", data.table(2000, seed=seed))
            assert reader.read_all() in (data.table(2000, seed=seed - 1), data.table(2000, seed=seed))
