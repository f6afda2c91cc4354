package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// errFlightCancelled ends what reads a FlightInfo that was cancelled. It is not
// the code CANCELLED, which clients take for a cancellation of their own.
var errFlightCancelled = errors.New("the flight was cancelled")

// maxCancelled bounds the cancellations that are remembered, each until its
// tickets expire.
const maxCancelled = 100_000

// flights knows the FlightInfos that are read, by their ids, and those that were
// cancelled.
type flights struct {
	clock clock.PassiveClock

	mu struct {
		sync.Mutex
		// cancelled has the time when the last ticket expires.
		cancelled map[string]time.Time
		// running are the calls that read, each with what ends it.
		running map[string]map[*context.CancelCauseFunc]struct{}
	}
}

func newFlights(now clock.PassiveClock) *flights {
	f := &flights{clock: now}
	f.mu.cancelled = map[string]time.Time{}
	f.mu.running = map[string]map[*context.CancelCauseFunc]struct{}{}
	return f
}

// begin gives a context that ends when the flight is cancelled. What is read
// without a FlightInfo has no id, and cannot be.
func (f *flights) begin(ctx context.Context, c claims) (_ context.Context, done func(), err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	if c.RegisteredClaims.ID == "" {
		return ctx, func() { cancel(nil) }, nil
	}
	id := c.RegisteredClaims.ID
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, was := f.mu.cancelled[id]; was {
		cancel(nil)
		return nil, nil, fmt.Errorf("%w: %w", errInvalidTicket, errFlightCancelled)
	}
	if f.mu.running[id] == nil {
		f.mu.running[id] = map[*context.CancelCauseFunc]struct{}{}
	}
	f.mu.running[id][&cancel] = struct{}{}
	return ctx, func() { f.end(id, &cancel) }, nil
}

func (f *flights) end(id string, cancel *context.CancelCauseFunc) {
	(*cancel)(nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.mu.running[id], cancel)
	if len(f.mu.running[id]) == 0 {
		delete(f.mu.running, id)
	}
}

// isCancelled tells whether a flight was.
func (f *flights) isCancelled(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, was := f.mu.cancelled[id]
	return was
}

// cancel ends what reads a flight, and refuses its tickets until they expire. It
// tells whether it did: not a second time, nor with too many remembered.
func (f *flights) cancel(id string, until time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgetLocked()
	if _, was := f.mu.cancelled[id]; was || len(f.mu.cancelled) >= maxCancelled {
		return false
	}
	f.mu.cancelled[id] = until
	for end := range f.mu.running[id] {
		(*end)(errFlightCancelled)
	}
	return true
}

// forgetLocked forgets the flights whose tickets have expired, once in a while.
func (f *flights) forgetLocked() {
	const often = 1000
	if len(f.mu.cancelled)%often != 0 {
		return
	}
	now := f.clock.Now()
	for id, until := range f.mu.cancelled {
		if until.Before(now) {
			delete(f.mu.cancelled, id)
		}
	}
}

// reasonFor tells a cancelled flight from a client that went away.
func reasonFor(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errFlightCancelled) {
		return errFlightCancelled
	}
	return err
}
