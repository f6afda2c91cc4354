package server

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
)

// TestSpansContinueTheClientsTrace has the server send to a recorder in place of
// a collector.
func TestSpansContinueTheClientsTrace(t *testing.T) {
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	recorder := tracetest.NewSpanRecorder()
	o := options(testSettings(t))
	o.Spans = recorder
	srv, _ := startWith(t, o)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-"+trace+"-"+parent+"-01")
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(ctx, client, upload{to: path("nyc/flights"), records: []arrow.RecordBatch{characters(t, "Arya")}}))
	must[table](t)(doGet(ctx, client, []byte("nyc/flights")))
	eventually(t, "two spans", func() bool { return len(recorder.Ended()) == 2 })
	for _, span := range recorder.Ended() {
		if span.SpanContext().TraceID().String() != trace || span.Parent().SpanID().String() != parent {
			t.Errorf("%s is no child of the client's span", span.Name())
		}
		got := attributes(span)
		if got["flight.dataset"] != "nyc/flights" || got["flight.version"] != "1" || got["flight.rows"] != "1" || got["flight.bytes"] == "0" {
			t.Errorf("%s says %v", span.Name(), got)
		}
	}
}

func attributes(span sdktrace.ReadOnlySpan) map[string]string {
	out := map[string]string{}
	for _, a := range span.Attributes() {
		out[string(a.Key)] = a.Value.String()
	}
	return out
}

func TestHealthOnTheOpsPort(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	conn := must[*grpc.ClientConn](t)(grpc.NewClient(srv.OpsAddr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())))
	defer conn.Close()
	answer := must[*healthpb.HealthCheckResponse](t)(healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}))
	if answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("status = %s", answer.GetStatus())
	}
}

func TestReflectionIsOptional(t *testing.T) {
	for _, on := range []bool{false, true} {
		s := testSettings(t)
		s.Reflection = on
		srv, _ := start(t, s)
		conn := must[*grpc.ClientConn](t)(grpc.NewClient(srv.dataListener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())))
		stream := must[reflectionpb.ServerReflection_ServerReflectionInfoClient](t)(
			reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context()))
		_ = stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}})
		if _, err := stream.Recv(); (err == nil) != on {
			t.Errorf("reflection is %v and answers %v", on, err)
		}
		_ = conn.Close()
	}
}
