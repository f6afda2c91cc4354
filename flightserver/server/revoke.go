package server

import (
	"context"
	"errors"
	"time"

	"github.com/flight-operator/flight-operator/flightserver/auth"
)

// revocable ends calls whose credentials are revoked while they are under way.
func (s *Server) revocable() surround { return surroundBy(s.hold) }

func (s *Server) hold(ctx context.Context, method string, next func(context.Context) error) error {
	caller := auth.FromContext(ctx)
	if isHealth(method) || caller.Kind == "" {
		return next(ctx) // nobody's, or a handshake that has not come to its credentials
	}
	ctx, release := s.auth.Hold(ctx, caller)
	defer release()
	err := next(ctx)
	if err != nil && revoked(ctx) {
		return context.Cause(ctx)
	}
	return err
}

// revokedGrace lets a revoked stream end between two messages: a client that is
// cut off within one does not learn why.
const revokedGrace = 500 * time.Millisecond

func endOrCut(ended <-chan error, cause error) error {
	select {
	case err := <-ended:
		return err
	case <-time.After(revokedGrace):
		return cause
	}
}

func revoked(ctx context.Context) bool { return errors.Is(context.Cause(ctx), auth.ErrRevoked) }
