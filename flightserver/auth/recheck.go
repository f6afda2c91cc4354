package auth

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"
)

// rechecksAtOnce leaves room for callers who wait for a review.
const rechecksAtOnce = reviewsAtOnce / 4

// recheckEach reviews, again and again until ctx is done, the tokens of
// ServiceAccounts whose calls are under way: Kubernetes tells nobody of a token
// that it takes back.
func (a *Authenticator) recheckEach(ctx context.Context) {
	ticker := a.clock.NewTicker(reviewMemory)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
			a.recheck(ctx)
		}
	}
}

// recheck ends the calls by tokens that are no longer good.
func (a *Authenticator) recheck(ctx context.Context) {
	audience := a.loaded.Load().audience
	var reviewing errgroup.Group
	reviewing.SetLimit(rechecksAtOnce)
	for token, calls := range a.held.byToken() {
		token.audience = audience // which may be another since the call began
		reviewing.Go(func() error {
			if cause := a.ended(ctx, &token); cause != nil {
				a.logger.Info("calls ended by a token of a ServiceAccount", "identity", token.name(), "calls", len(calls), "reason", Reason(cause))
				for _, cancel := range calls {
					cancel(cause)
				}
			}
			return nil
		})
	}
	_ = reviewing.Wait() // it has no errors
}

// ended tells why calls by a token end; nil: they go on. While the API server
// cannot be asked they do, for as long as the token says itself.
func (a *Authenticator) ended(ctx context.Context, t *accountToken) error {
	err := a.reviews.review(ctx, t)
	over := !a.clock.Now().Before(t.expires)
	switch {
	case err == nil || (!errors.Is(err, errReview) && !over):
		return nil
	case over:
		return ErrExpired
	}
	return ErrRevoked
}
