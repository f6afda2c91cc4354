package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/singleflight"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
)

const (
	// reviewMemory is how long a good token is known to be: so long it may be used
	// after Kubernetes has taken it back.
	reviewMemory = time.Minute
	// refusalMemory is how long a bad one is. It is short, since a token may be
	// younger than the news of it.
	refusalMemory = 10 * time.Second
	// reviewTimeout bounds how long a caller waits for the API server.
	reviewTimeout = 5 * time.Second

	maxRemembered     = 8192 // good tokens, and as many bad ones
	reviewsAtOnce     = 16
	maxWaitingReviews = 256
)

// Review is what Kubernetes says of a token.
type Review struct {
	Authenticated bool
	Username      string
	Audiences     []string // of those asked for, those that the token was made for
}

// Reviewer asks Kubernetes whose a token is. Any number of goroutines may call
// it, and it returns when ctx is done. An error says that Kubernetes gave no
// answer; no part of the token stands in it.
type Reviewer interface {
	Review(ctx context.Context, token, audience string) (Review, error)
}

// reviews checks tokens of ServiceAccounts at a bounded cost. Any number of
// goroutines may use them.
type reviews struct {
	reviewer Reviewer // nil: there is no Kubernetes to ask
	clock    clock.PassiveClock
	metrics  *metrics
	// Bad tokens cannot push good ones out of memory: anybody can make them up.
	good, bad *cache.LRUExpireCache // by digest
	underWay  singleflight.Group    // by digest
	asking    gate
}

func newReviews(r Reviewer, now clock.PassiveClock, m *metrics) *reviews {
	return &reviews{
		reviewer: r,
		clock:    now,
		metrics:  m,
		good:     cache.NewLRUExpireCacheWithClock(maxRemembered, now),
		bad:      cache.NewLRUExpireCacheWithClock(maxRemembered, now),
		asking:   newGate(reviewsAtOnce, maxWaitingReviews),
	}
}

// remembered tells whether there was an answer a while ago, and which: nil for a
// good token, or errReview.
func (r *reviews) remembered(t *accountToken) (known bool, answer error) {
	digest := t.digest()
	if _, known = r.good.Get(digest); known {
		return true, nil
	}
	_, known = r.bad.Get(digest)
	return known, errReview
}

// review asks anew. It gives nil for a good token, errReview for a bad one, and
// ErrNoReview or ErrBusy where there is no answer. Those that ask for one token
// at a time share the answer, so that it does not end with whoever came first.
func (r *reviews) review(ctx context.Context, t *accountToken) error {
	digest := t.digest()
	_, err, _ := r.underWay.Do(string(digest[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reviewTimeout)
		defer cancel()
		err := r.ask(ctx, t)
		switch {
		case err == nil:
			r.bad.Remove(digest)
			r.good.Add(digest, nil, min(reviewMemory, t.expires.Sub(r.clock.Now())))
		case errors.Is(err, errReview):
			r.good.Remove(digest)
			r.bad.Add(digest, nil, refusalMemory)
		}
		r.metrics.reviewed(err)
		return nil, err
	})
	return err
}

func (r *reviews) ask(ctx context.Context, t *accountToken) error {
	if r.reviewer == nil {
		return fmt.Errorf("%w: this server knows no Kubernetes", ErrNoReview)
	}
	leave, err := r.asking.enter(ctx)
	if errors.Is(err, ErrBusy) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: others wait for the API server", ErrNoReview)
	}
	defer leave()
	answer, err := r.reviewer.Review(ctx, t.text, t.audience)
	switch {
	case err != nil:
		// Told, but not wrapped: that time ran out is no deadline of the caller's.
		return fmt.Errorf("%w: %s", ErrNoReview, err.Error())
	case !answer.Authenticated || answer.Username != t.subject || !slices.Contains(answer.Audiences, t.audience):
		// An API server that does not know audiences names none.
		return errReview
	}
	return nil
}

// digest finds what is remembered. Whoever reads memory finds no token by it.
func (t *accountToken) digest() [sha256.Size]byte {
	return sha256.Sum256([]byte(t.audience + "\x00" + t.text))
}
