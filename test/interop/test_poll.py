"""CancelFlightInfo, RenewFlightEndpoint and expiration, from Python.

pyarrow has no call for PollFlightInfo; the Go tests drive it."""

import pyarrow as pa
import pytest
from pyarrow import flight

from harness import calls, data

TABLE = data.table(100, seed=1)


def embedded(number, message):
    """A protocol buffer that holds a message as one of its fields."""
    size, length = len(message), b""
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + message


def cancel(client, info):
    [result] = client.do_action(("CancelFlightInfo", embedded(1, info.serialize())))
    return result.body.to_pybytes()


@pytest.fixture
def info(client):
    calls.put(client, "t", TABLE)
    return calls.info(client, "t")


def test_actions_are_listed(client):
    assert {"CancelFlightInfo", "RenewFlightEndpoint"} <= {action.type for action in client.list_actions()}


def test_cancelled_flight_is_not_read(client, info):
    assert cancel(client, info) == b"\x08\x01"  # CANCELLED
    assert cancel(client, info) == b"\x08\x03"  # NOT_CANCELLABLE
    with pytest.raises(pa.ArrowInvalid, match="Invalid ticket"):
        client.do_get(info.endpoints[0].ticket).read_all()
    assert client.do_get(calls.info(client, "t").endpoints[0].ticket).read_all() == TABLE


def test_renewed_endpoint_expires_later(client, info):
    [endpoint] = info.endpoints
    [result] = client.do_action(("RenewFlightEndpoint", embedded(1, endpoint.serialize())))
    renewed = flight.FlightEndpoint.deserialize(result.body.to_pybytes())
    assert renewed.expiration_time.value > endpoint.expiration_time.value
    assert client.do_get(renewed.ticket).read_all() == TABLE
