package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/flightserver/auth"
)

// linkMethod is what logs, metrics and traces call requests for links. A link
// itself stands in none of them: whoever has it may read.
const linkMethod = "GET /v1/data"

// aroundLinks does for requests of HTTP what the interceptors do for calls.
func (s *Server) aroundLinks(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{id: uuid.NewString(), method: linkMethod}
		ctx, span := s.traceLink(context.WithValue(withPeer(r.Context(), r.RemoteAddr), callKey{}, c), r.Header)
		defer span.End()
		answer := &countedAnswer{ResponseWriter: w, sent: s.metrics.sent}
		start := time.Now()
		defer func() { // also where the handler breaks the connection off by a panic
			span.SetAttributes(attribute.Int("http.response.status_code", answer.code), attribute.Int64("flight.bytes", answer.bytes))
			s.metrics.httpRequests.WithLabelValues(strconv.Itoa(answer.code)).Inc()
			callLine{
				method: linkMethod, code: slog.IntValue(answer.code), internal: answer.code == http.StatusInternalServerError,
				took: time.Since(start), peer: r.RemoteAddr,
			}.log(r.Context(), s.logger, c)
		}()
		_ = s.metrics.countInFlight(ctx, linkMethod, func(ctx context.Context) error {
			next.ServeHTTP(answer, r.WithContext(ctx))
			return nil
		})
	})
}

// traceLink begins a span where calls are traced.
func (s *Server) traceLink(ctx context.Context, header http.Header) (context.Context, trace.Span) {
	if s.tracer == nil {
		return ctx, trace.SpanFromContext(ctx)
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(header))
	return s.tracer.Tracer("flightserver").Start(ctx, linkMethod, trace.WithSpanKind(trace.SpanKindServer)) //nolint:spancheck // the caller ends it
}

// countedAnswer knows what was answered.
type countedAnswer struct {
	http.ResponseWriter

	sent  traffic
	code  int
	bytes int64
}

// Unwrap lets http.ResponseController find the connection.
func (a *countedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *countedAnswer) WriteHeader(code int) {
	if a.code == 0 {
		a.code = code
	}
	a.ResponseWriter.WriteHeader(code)
}

func (a *countedAnswer) Write(b []byte) (int, error) {
	if a.code == 0 {
		a.code = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(b)
	a.sent.bytes.Add(float64(n))
	a.bytes += int64(n)
	return n, err
}

// admitLink counts a request like a call of the caller that the link was made
// for, and ends it as such.
func (s *Server) admitLink(ctx context.Context, shown auth.Credential) (context.Context, func(), error) {
	caller, err := s.auth.Find(shown)
	if err != nil {
		s.audit.refused(ctx, err)
		return nil, nil, err
	}
	callFrom(ctx).identity = caller
	ctx = auth.NewContext(ctx, caller)
	end, err := s.guards.calls.Begin(callerOf(ctx))
	if err != nil {
		return nil, nil, err
	}
	ctx, release := s.auth.Hold(ctx, caller)
	return ctx, func() { release(); end() }, nil
}

// withPeer tells where a request comes from, as gRPC does for its calls.
func withPeer(ctx context.Context, address string) context.Context {
	from, err := netip.ParseAddrPort(address)
	if err != nil {
		return ctx
	}
	return peer.NewContext(ctx, &peer.Peer{Addr: net.TCPAddrFromAddrPort(from)})
}

// explainHTTP tells what a client of HTTP reads of an error.
func explainHTTP(ctx context.Context, err error) (code int, text string) {
	c := callFrom(ctx)
	c.cause = err
	s := status.Convert(toStatus(err, c.id))
	switch s.Code() {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated:
		return http.StatusForbidden, s.Message()
	case codes.NotFound:
		return http.StatusGone, s.Message()
	case codes.Unavailable:
		return http.StatusServiceUnavailable, s.Message()
	}
	return http.StatusInternalServerError, s.Message()
}
