package server

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/flightserver/auth"
)

// around is an interceptor for calls of either kind.
type around func(ctx context.Context, method string, next func(context.Context) error) error

// authenticator tells who calls.
type authenticator func(context.Context) (auth.Identity, error)

// call is what the interceptors know about the call that they surround. The
// inner ones fill in what the outer ones log.
type call struct {
	id       string
	method   string // of an action, with its name
	identity auth.Identity
	cause    error // what the status was made from
	// dataset is the one that the caller was last asked for a permission for. The
	// handler of a call that was cut off may still be running.
	dataset atomic.Pointer[string]
}

type callKey struct{}

func callFrom(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// interceptors gives what surrounds every call of a gRPC server.
func interceptors(logger *slog.Logger, m *metrics, a *auditing, words wording, who authenticator) surround {
	counted := surround{
		unary:  []grpc.UnaryServerInterceptor{m.rpc.UnaryServerInterceptor()},
		stream: []grpc.StreamServerInterceptor{m.rpc.StreamServerInterceptor()},
	}
	return surroundBy(recoverPanics(logger)).then(counted).then(
		surroundBy(m.countInFlight, logCalls(logger), translateErrors(words), authenticate(a, who)))
}

// recoverPanics keeps a defect in one call from ending all of them.
func recoverPanics(logger *slog.Logger) around {
	return func(ctx context.Context, method string, next func(context.Context) error) error {
		c := &call{id: uuid.NewString(), method: method}
		return recovered(logger, c.id, method, func() error { return next(context.WithValue(ctx, callKey{}, c)) })
	}
}

// recovered gives the error of run, an internal one when it panics.
func recovered(logger *slog.Logger, id, method string, run func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			logger.Error("panic in a call", "id", id, "method", method, "panic", p, "stack", string(debug.Stack()))
			err = toStatus(fmt.Errorf("panic: %v", p), id)
		}
	}()
	return run()
}

// logCalls writes a line a call: Flight's calls are few and large. An internal
// error's cause is found here by the id that the client was given.
func logCalls(logger *slog.Logger) around {
	return func(ctx context.Context, method string, next func(context.Context) error) error {
		start := time.Now()
		err := next(ctx)
		if isHealth(method) {
			return err
		}
		callLine{
			method: method, code: slog.StringValue(status.Code(err).String()), internal: status.Code(err) == codes.Internal,
			took: time.Since(start), peer: peerAddress(ctx),
		}.log(ctx, logger, callFrom(ctx))
		return err
	}
}

// callLine is what the log has of a call beside what the call knows itself.
type callLine struct {
	method   string
	code     slog.Value
	internal bool // the code is that of a failure of the server
	took     time.Duration
	peer     string
}

func (l callLine) log(ctx context.Context, logger *slog.Logger, c *call) {
	attrs := []slog.Attr{
		slog.String("id", c.id),
		slog.String("method", l.method),
		{Key: "code", Value: l.code},
		slog.Float64("seconds", l.took.Seconds()),
		slog.String("identity", c.identity.Name),
		slog.String("peer", l.peer),
	}
	if c.cause != nil {
		attrs = append(attrs, slog.Any("error", c.cause))
	}
	level := slog.LevelInfo
	if l.internal {
		level = slog.LevelError
	}
	logger.LogAttrs(ctx, level, "call", attrs...)
}

// translateErrors gives the client a status and keeps the error for the log.
func translateErrors(words wording) around {
	return func(ctx context.Context, _ string, next func(context.Context) error) error {
		c := callFrom(ctx)
		c.cause = next(ctx)
		err := toStatusAs(words, c.cause, c)
		if status.Code(err) == codes.Canceled && ctx.Err() == nil {
			// The client did not cancel, and pyarrow takes CANCELLED for the user's
			// own Ctrl-C.
			err = withDetails(status.New(codes.Unavailable, "the call was interrupted"), "INTERRUPTED", c.id)
		}
		if slices.Contains(codesWithDetail, status.Code(err)) {
			// It fails only for a call that has ended, which reads no trailer.
			_ = grpc.SetTrailer(ctx, metadata.Pairs(arrowStatusHeader, arrowIOError))
		}
		return err
	}
}

// Arrow's C++ clients show their callers a status's details only where the
// server names Arrow's own code for it. To name one makes any error a Flight
// error; so it is named for codes that are Flight errors anyway, and not for
// INVALID_ARGUMENT and others, which Arrow has types of its own for.
const (
	arrowStatusHeader = "x-arrow-status"
	arrowIOError      = "5" // arrow::StatusCode::IOError, what all Flight errors are
)

var codesWithDetail = []codes.Code{
	codes.Unauthenticated, codes.PermissionDenied, codes.Unavailable, codes.Internal, codes.DeadlineExceeded,
}

// authenticate lets a call through that is somebody's. Health checks are
// nobody's: what asks has no token.
func authenticate(a *auditing, who authenticator) around {
	return func(ctx context.Context, method string, next func(context.Context) error) error {
		if isHealth(method) {
			return next(ctx)
		}
		id, err := who(ctx)
		callFrom(ctx).identity = id
		ctx = auth.NewContext(ctx, id)
		if err != nil {
			a.refused(ctx, err)
			return err
		}
		return next(ctx)
	}
}

func isHealth(method string) bool {
	return strings.HasPrefix(method, "/"+healthpb.Health_ServiceDesc.ServiceName+"/")
}

func peerAddress(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr.String()
	}
	return ""
}

func (a around) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	err = a(ctx, info.FullMethod, func(ctx context.Context) error {
		resp, err = handler(ctx, req)
		return err
	})
	return resp, err
}

func (a around) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return a(stream.Context(), info.FullMethod, func(ctx context.Context) error {
		return handler(srv, streamWithContext{stream, ctx})
	})
}

type streamWithContext struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // gRPC asks a stream for its context
}

func (s streamWithContext) Context() context.Context { return s.ctx }
