package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/time/rate"
)

// Scrub reads every segment of a dataset that can be read, at most so many bytes
// a second, and remembers what is damaged. Reading goes on where the data is
// whole. It fails where it could not read all.
func (d *Dataset) Scrub(ctx context.Context, pace *rate.Limiter) error {
	checked := map[Segment]bool{}
	var failures error
	for _, number := range d.generationEnds() {
		s, err := d.Acquire(number)
		if err != nil {
			continue // it is gone since, and its damage with it
		}
		segments := slices.DeleteFunc(slices.Clone(s.version.segments()), func(s Segment) bool { return checked[s] })
		_, failure := d.inspect(ctx, segments, pacedWriter{ctx, pace})
		failures = errors.Join(failures, failure)
		s.Release()
		for _, segment := range segments {
			checked[segment] = true
		}
	}
	return failures
}

// inspect reads segments whole, and remembers which are damaged. The writer is
// given the bytes. Neither damage nor a failure to read, after which it knows no
// more of the segment than before, keeps it from the others.
func (d *Dataset) inspect(ctx context.Context, segments []Segment, to io.Writer) (damage, failure error) {
	for _, s := range segments {
		if err := ctx.Err(); err != nil {
			return damage, err
		}
		err := d.verify(ctx, s, to)
		switch {
		case err == nil:
			d.foundWhole(s)
		case errors.Is(err, ErrCorrupt):
			d.foundDamage(s, err)
			damage = errors.Join(damage, err)
		default:
			failure = errors.Join(failure, err)
		}
	}
	return damage, failure
}

// verify reads a segment whole, each block of which is checked.
func (d *Dataset) verify(ctx context.Context, s Segment, to io.Writer) (err error) {
	local, err := ensure(ctx, d.store.segments, s.name(d.id))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, local.Close()) }()
	if err := verifySegment(ctx, local, s, to); err != nil {
		return fmt.Errorf("segment %s: %w", s.name(d.id), err)
	}
	return nil
}

// generationEnds gives versions that have, together, every segment that can be
// read.
func (d *Dataset) generationEnds() []uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	var ends []uint64
	for i, v := range d.mu.versions {
		if i+1 == len(d.mu.versions) || d.mu.versions[i+1].generation != v.generation {
			ends = append(ends, v.number)
		}
	}
	return ends
}

// pacedWriter takes bytes no faster than it may, and forgets them.
type pacedWriter struct {
	ctx  context.Context //nolint:containedctx // Write takes none
	pace *rate.Limiter
}

func (w pacedWriter) Write(p []byte) (int, error) {
	for left := len(p); left > 0; {
		n := min(left, w.pace.Burst())
		if err := w.pace.WaitN(w.ctx, n); err != nil {
			return 0, err
		}
		left -= n
	}
	return io.Discard.Write(p)
}
