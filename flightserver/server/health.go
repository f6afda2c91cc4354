package server

import (
	"context"

	flightproto "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// drainingHealth is the health service, whose watchers end when the server
// drains. Else each would hold up the drain until its timeout.
type drainingHealth struct {
	*health.Server
	draining context.Context //nolint:containedctx // an event that many streams wait for
	end      context.CancelFunc
}

func newDrainingHealth() *drainingHealth {
	draining, end := context.WithCancel(context.Background())
	h := &drainingHealth{Server: health.NewServer(), draining: draining, end: end}
	h.SetServingStatus(flightproto.FlightService_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_SERVING)
	return h
}

func (h *drainingHealth) drain() {
	h.Shutdown()
	h.end()
}

// Watch tells the state and its changes until the server drains.
func (h *drainingHealth) Watch(request *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(h.draining, cancel)()
	err := h.Server.Watch(request, watchUntil{stream, ctx})
	if h.draining.Err() == nil {
		return err
	}
	// The watch may have ended before it told.
	return stream.Send(&healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_NOT_SERVING})
}

type watchUntil struct {
	healthpb.Health_WatchServer
	ctx context.Context //nolint:containedctx // gRPC asks a stream for its context
}

func (w watchUntil) Context() context.Context { return w.ctx }
