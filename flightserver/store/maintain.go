package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"golang.org/x/time/rate"
)

// Maintenance is work on the data that nobody waits for.
type Maintenance struct {
	// CompactRate is how many bytes a second may be rewritten; zero: none.
	CompactRate int64
	// CompactEvery is how often small segments are looked for; zero: each minute.
	CompactEvery time.Duration
	// ScrubRate is how many bytes a second may be verified; zero: none.
	ScrubRate int64
	// ScrubEvery is how long one scrub of everything comes after another.
	ScrubEvery time.Duration
}

const (
	compactEvery = time.Minute
	// scrubDelay keeps a server that is started often from reading all the time.
	scrubDelay = 10 * time.Minute
)

// maintain starts the work behind.
func (s *Store) maintain(ctx context.Context) {
	m := s.options.Maintenance
	if m.CompactRate > 0 {
		period := cmp.Or(m.CompactEvery, compactEvery)
		s.behind.Go(func() { s.every(ctx, period, period, s.Compact) })
	}
	if m.ScrubRate > 0 {
		s.behind.Go(func() { s.every(ctx, scrubDelay, m.ScrubEvery, s.Scrub) })
	}
}

// every calls do first after a delay, then so long after each begin.
func (s *Store) every(ctx context.Context, delay, period time.Duration, do func(context.Context)) {
	for {
		timer := s.options.Clock.NewTimer(delay)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
		begin := s.options.Clock.Now()
		do(ctx)
		delay = max(0, period-s.options.Clock.Since(begin))
	}
}

// Quiesce ends the work behind, but for sweeping, and waits for it: what is
// left of a server's life belongs to its clients.
func (s *Store) Quiesce() {
	s.stopBehind()
	s.behind.Wait()
}

// Compact rewrites small segments of all datasets, one dataset after the other.
func (s *Store) Compact(ctx context.Context) {
	pace := paceOf(s.options.Maintenance.CompactRate)
	for _, d := range s.all() {
		for again := true; again && ctx.Err() == nil; {
			var err error
			if err = s.checkFree(); err == nil {
				again, err = d.Compact(ctx, pace)
			}
			if err != nil && ctx.Err() == nil {
				s.options.Logger.Error("compacting a dataset", "dataset", d.id, "error", err)
			}
			again = again && err == nil
		}
	}
}

// Scrub verifies all datasets, one after the other.
func (s *Store) Scrub(ctx context.Context) {
	pace := paceOf(s.options.Maintenance.ScrubRate)
	for _, d := range s.all() {
		if ctx.Err() != nil {
			return
		}
		if err := d.Scrub(ctx, pace); err != nil && ctx.Err() == nil {
			s.options.Logger.Error("verifying a dataset", "dataset", d.id, "error", err)
		}
	}
}

// paceOf allows for bytes a second, and for what a second brings at once.
func paceOf(bytes int64) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(bytes), int(max(bytes, blockBytes)))
}

// all gives the datasets that are loaded.
func (s *Store) all() []*Dataset {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.mu.datasets))
}
