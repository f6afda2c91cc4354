package store

import (
	"context"
	"errors"
	"io"

	"golang.org/x/time/rate"
)

// Scrub reads every segment of a dataset that can be read, at most so many bytes
// a second, and remembers what is damaged. Reading goes on where the data is
// whole.
func (d *Dataset) Scrub(ctx context.Context, pace *rate.Limiter) error {
	checked := map[Segment]bool{}
	var damage error
	for _, number := range d.generationEnds() {
		s, err := d.Acquire(number)
		if err != nil {
			continue // it is gone since, and its damage with it
		}
		for _, segment := range s.version.segments() {
			if checked[segment] {
				continue
			}
			checked[segment] = true
			err = d.verify(ctx, segment, pacedWriter{ctx, pace})
			if err != nil && !errors.Is(err, ErrCorrupt) {
				break
			}
			if err != nil {
				d.store.options.Logger.Error("segment is damaged", "dataset", d.id, "version", number, "error", err)
				damage = errors.Join(damage, err)
				err = nil
			}
		}
		s.Release()
		if err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.damage = damage
	return nil
}

// Damage is what the last scrub found wrong; nil: nothing.
func (d *Dataset) Damage() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.damage
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
