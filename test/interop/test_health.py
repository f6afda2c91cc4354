"""The gRPC health service, as load balancers and probes ask it."""

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
FLIGHT = "arrow.flight.protocol.FlightService"


@pytest.fixture
def health(server):
    with grpc.insecure_channel(server.address) as channel:
        yield health_pb2_grpc.HealthStub(channel)


@pytest.mark.parametrize("service", ["", FLIGHT])
def test_serving(health, service):
    assert health.Check(health_pb2.HealthCheckRequest(service=service), timeout=30).status == SERVING


def test_an_unknown_service_is_not_found(health):
    with pytest.raises(grpc.RpcError) as refused:
        health.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=30)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_watcher_hears_of_the_drain(server, health):
    watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=60)
    assert next(watch).status == SERVING
    server.terminate()
    assert next(watch).status == NOT_SERVING
    watch.cancel()
    assert server.process.wait(60) == 0


def test_no_credentials_are_asked_for(start, tmp_path):
    credentials = tmp_path / "credentials.yaml"
    credentials.write_text("apiVersion: settings.flight-operator.io/v1alpha1\nkind: Credentials\n")
    server = start("--auth-file", credentials)
    with grpc.insecure_channel(server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=30).status == SERVING
