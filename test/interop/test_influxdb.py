"""The profile influxdb: refusals in the words that programs made for InfluxDB 3 know."""

import pytest
from influxdb_client_3 import InfluxDBClient3
from influxdb_client_3.exceptions.exceptions import InfluxDB3ClientQueryError
from pyarrow import flight, lib

from harness import calls, data, tokens

SETTINGS = """
apiVersion: settings.flight-operator.io/v1alpha1
kind: ServerSettings
profile: influxdb
"""


@pytest.fixture
def auth_file(tmp_path):
    return tmp_path / "credentials.yaml"


@pytest.fixture
def reader(auth_file):
    return tokens.make(auth_file, "ann", "Reader")


@pytest.fixture
def server(start, tmp_path, auth_file, reader):
    config = tmp_path / "settings.yaml"
    config.write_text(SETTINGS)
    return start("--config", config, "--auth-file", auth_file)


def query(server, token):
    """What influxdb3-python says of a query: this server runs no SQL."""
    host = server.uri.replace("grpc://", "http://")
    with InfluxDBClient3(host=host, token=token, database="nyc") as client:
        with pytest.raises(InfluxDB3ClientQueryError) as refused:
            client.query("SELECT 1")
    return str(refused.value)


def test_influxdb_python(server, reader):
    assert "with message: unauthenticated." in query(server, "wrong")
    assert "with message: Invalid ticket. Error: " in query(server, reader)


def test_pyarrow(server, reader):
    with server.connect() as client:
        with pytest.raises(flight.FlightUnauthenticatedError, match="unauthenticated"):
            client.do_get(flight.Ticket("t")).read_all()
        with pytest.raises(flight.FlightUnauthenticatedError, match="write:t is unauthorized"):
            calls.put(client, "t", data.people(), options=tokens.header(reader))
        with pytest.raises(lib.ArrowInvalid, match='bucket "t" not found'):
            client.do_get(flight.Ticket("t"), tokens.header(reader)).read_all()
        with pytest.raises(lib.ArrowInvalid, match="Invalid ticket. Error: "):
            client.do_get(flight.Ticket('{"ticket": "x"}'), tokens.header(reader)).read_all()
