package store

import (
	"context"
	"errors"
	"io"
)

// Pin reads the newest version, so that the system has its files in memory, and
// asks for the same of each version to come.
func (d *Dataset) Pin(ctx context.Context) error {
	d.mu.Lock()
	d.mu.pinned = true
	d.mu.Unlock()
	return d.warm(ctx)
}

// Unpin leaves it to the system what it keeps in memory.
func (d *Dataset) Unpin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.pinned, d.mu.warm = false, 0
}

// warm reads a pinned dataset's newest version unless it was read before.
func (d *Dataset) warm(ctx context.Context) error {
	newest := d.newest.Load()
	d.mu.Lock()
	wanted := d.mu.pinned && newest != nil && d.mu.warm != newest.entry
	d.mu.Unlock()
	if !wanted {
		return nil
	}
	s, err := d.Acquire(newest.number)
	if err != nil {
		return err
	}
	defer s.Release()
	damage, failure := d.inspect(ctx, s.version.segments(), io.Discard)
	if failure == nil {
		d.mu.Lock()
		d.mu.warm = s.version.entry // what is damaged does not get better by reading it again
		d.mu.Unlock()
	}
	return errors.Join(damage, failure)
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context //nolint:containedctx // Read takes none
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
