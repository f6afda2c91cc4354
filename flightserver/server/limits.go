package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/limits"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/transport"
	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// inFlightShare is the part of the process's memory that is for data on its way;
// the rest is for what the garbage collector has not found yet, connections and
// the catalog.
const inFlightShare = 4

// backlogShare is how much more the beginnings of messages may take, so that as
// many as one likes may send messages of usual size.
const backlogShare = 2

// connectTimeout is for the handshake of a connection, which counts as one
// before it is anybody's.
const connectTimeout = 20 * time.Second

// guards hold the callers of the data port to its limits.
type guards struct {
	settings   settings.Limits
	metrics    *limits.Metrics
	budget     *limits.Budget
	decoded    *limits.Budget // a part of it
	calls      *limits.Calls
	watch      *limits.Watch
	logger     *slog.Logger
	background *sync.WaitGroup // counts handlers that outlive their call
}

func newGuards(s settings.Limits, logger *slog.Logger, r prometheus.Registerer, background *sync.WaitGroup) *guards {
	m := limits.NewMetrics(r)
	inFlight := s.InFlight.Value()
	if inFlight == 0 {
		inFlight = limits.Memory() / inFlightShare
	}
	budget := limits.NewBudget(inFlight, s.Wait.Duration, m)
	return &guards{
		settings: s,
		metrics:  m,
		budget:   budget,
		decoded:  budget.Part(inFlight/decodedShare, "what readers have decoded"),
		calls: limits.NewCalls(limits.CallLimits{
			Calls: s.Calls, PerIdentity: s.CallsPerIdentity, PerSecond: s.CallsPerSecond,
		}, m),
		watch:      limits.NewWatch(s.Stall.Duration, limits.NewBacklog(backlogShare*inFlight, s.Wait.Duration, m), m),
		logger:     logger,
		background: background,
	}
}

// interceptors stand behind those that tell who calls.
func (g *guards) interceptors() surround {
	return surroundBy(g.admit).then(surround{stream: []grpc.StreamServerInterceptor{g.watchStream}})
}

// transport bounds what a connection costs before a call is known.
func (g *guards) transport() transport.Options {
	return transport.Options{
		MaxMessageBytes:    g.messageBytes(),
		MaxCalls:           g.settings.CallsPerConnection,
		MaxHeaderListBytes: uint32(g.settings.Headers.Value()),
		HandshakeTimeout:   connectTimeout,
		Enforcement: keepalive.EnforcementPolicy{
			MinTime:             g.settings.Keepalive.MinTime.Duration,
			PermitWithoutStream: true,
		},
		// A peer that is gone without a word holds its uploads' space no longer.
		Keepalive: keepalive.ServerParameters{
			Time:                  g.settings.Keepalive.Time.Duration,
			Timeout:               g.settings.Keepalive.Timeout.Duration,
			MaxConnectionAge:      g.settings.ConnectionAge.Duration,
			MaxConnectionAgeGrace: g.settings.ConnectionGrace.Duration,
		},
	}
}

// messageBytes bounds a message. One larger than all data on its way may be
// would be let in only by looking away.
func (g *guards) messageBytes() int {
	if own := g.settings.Message.Value(); own > 0 {
		return int(own)
	}
	return int(min(wire.MaxMessageBytes, g.budget.Size()))
}

func (g *guards) listener(l net.Listener) net.Listener {
	return limits.NewListener(l, g.settings.Connections, g.metrics)
}

// admit counts a call. Health checks are not counted: a server with all that it
// can do to do is well.
func (g *guards) admit(ctx context.Context, method string, next func(context.Context) error) error {
	if isHealth(method) {
		return next(ctx)
	}
	end, err := g.calls.Begin(callerOf(ctx))
	if err != nil {
		return err
	}
	defer end()
	return next(ctx)
}

// callerOf is the text by which limits tell callers apart: the identity, and for
// callers without credentials the machine that they call from.
func callerOf(ctx context.Context) string {
	id := auth.FromContext(ctx)
	if id.Kind != auth.KindAnonymous {
		return id.Subject()
	}
	host, _, err := net.SplitHostPort(peerAddress(ctx))
	if err != nil {
		return id.Name
	}
	return id.Name + "@" + host
}

// watchStream ends a call whose client has stopped to take or to send, or sends
// too slowly for the memory that there is, or whose credentials are revoked. What
// waits for the client is gRPC, and it stops waiting when the call has ended; so
// the handler runs beside the call, and is left behind for that moment.
func (g *guards) watchStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if isHealth(info.FullMethod) {
		return handler(srv, stream)
	}
	ctx, progress := g.watch.Begin(stream.Context(), connectionOf(stream.Context()))
	ended := make(chan error, 1)
	g.background.Go(func() {
		defer progress.Stop()
		ended <- recovered(g.logger, callFrom(ctx).id, info.FullMethod, func() error {
			return handler(srv, watchedStream{streamWithContext{stream, ctx}, progress})
		})
	})
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, limits.ErrStalled) || errors.Is(cause, limits.ErrNoMemory):
		return cause
	case errors.Is(cause, auth.ErrRevoked):
		return endOrCut(ended, cause)
	}
	return <-ended
}

func connectionOf(ctx context.Context) *limits.Connection {
	if p, ok := peer.FromContext(ctx); ok {
		return limits.ConnectionOf(p.Addr)
	}
	return nil
}

// watchedStream tells when it waits for the client.
type watchedStream struct {
	streamWithContext
	progress *limits.Progress
}

func (s watchedStream) SendMsg(m any) error {
	if revoked(s.ctx) {
		return context.Cause(s.ctx)
	}
	return s.progress.Wait(func() error { return s.streamWithContext.SendMsg(m) })
}

func (s watchedStream) RecvMsg(m any) error {
	if revoked(s.ctx) {
		return context.Cause(s.ctx)
	}
	return s.progress.Receive(func() (int, error) {
		err := s.streamWithContext.RecvMsg(m)
		if in, ok := m.(*wire.Incoming); ok && err == nil {
			return in.BodyLen(), nil
		}
		return 0, err
	})
}

// uploadMemory gives what the messages of an upload take memory with, and counts
// how large the upload becomes. A message has been received by then; a stream
// that waits here asks for no more.
func (g *guards) uploadMemory(ctx context.Context) func(bytes int64) (release func(), err error) {
	caller, most, total := callerOf(ctx), g.settings.Upload.Value(), int64(0)
	return func(bytes int64) (func(), error) {
		if total += bytes; most > 0 && total > most {
			return nil, fmt.Errorf("%w: more than %s, the limit upload; send it in several appends",
				errUploadTooLarge, humanize.IBytes(uint64(most)))
		}
		return g.budget.Acquire(ctx, caller, bytes)
	}
}
