package server

import (
	"context"
	"os"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/stats"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// flushTimeout bounds how long the last spans may take to leave.
const flushTimeout = 5 * time.Second

// openTracing sends spans where the settings say, else where OpenTelemetry's own
// environment variables do. Without either nothing is traced and nothing paid.
func (s *Server) openTracing(ctx context.Context) error {
	if s.spans != nil {
		return s.traceTo(ctx, s.spans)
	}
	t := s.settings.Tracing
	if t == nil && os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return nil
	}
	var options []otlptracegrpc.Option
	if t != nil {
		options = append(options, otlptracegrpc.WithEndpointURL(t.Endpoint))
	}
	exporter, err := otlptracegrpc.New(ctx, options...)
	if err != nil {
		return err
	}
	return s.traceTo(ctx, sdktrace.NewBatchSpanProcessor(exporter))
}

func (s *Server) traceTo(ctx context.Context, processor sdktrace.SpanProcessor) error {
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "flightserver"), attribute.String("service.version", settings.Version)),
		resource.WithFromEnv(), // may name the service otherwise
	)
	if err != nil {
		return err
	}
	options := []sdktrace.TracerProviderOption{sdktrace.WithSpanProcessor(processor), sdktrace.WithResource(about)}
	if t := s.settings.Tracing; t != nil && t.SampleRatio != nil {
		options = append(options, sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(*t.SampleRatio))))
	}
	s.tracer = sdktrace.NewTracerProvider(options...)
	s.closers = append(s.closers, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		if err := s.tracer.Shutdown(ctx); err != nil {
			s.logger.Warn("spans were lost", "error", err)
		}
		return nil
	})
	return nil
}

// tracing gives each call a span, a child of the one that the client sends along
// in traceparent.
func (s *Server) tracing() stats.Handler {
	if s.tracer == nil {
		return nil
	}
	return otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(s.tracer),
		otelgrpc.WithPropagators(propagation.TraceContext{}),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool { return !isHealth(info.FullMethodName) }),
	)
}

// traceDataset says on the call's span what the call is about.
func traceDataset(ctx context.Context, name string, version uint64) {
	trace.SpanFromContext(ctx).SetAttributes(
		attribute.String("flight.dataset", name), attribute.Int64("flight.version", int64(version)))
}

// traceSize says on the call's span how much was moved.
func traceSize(ctx context.Context, rows, bytes int64) {
	trace.SpanFromContext(ctx).SetAttributes(attribute.Int64("flight.rows", rows), attribute.Int64("flight.bytes", bytes))
}
