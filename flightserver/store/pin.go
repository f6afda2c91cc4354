package store

import (
	"context"
	"errors"
	"fmt"
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
	for _, segment := range s.version.segments() {
		if err := d.verify(ctx, segment, io.Discard); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.warm = s.version.entry
	return nil
}

// verify reads a segment whole, each block of which is checked. The writer is
// given the bytes.
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
