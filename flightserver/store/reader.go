package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Snapshot holds one version's files until it is released.
type Snapshot struct {
	dataset *Dataset
	version *version
	once    sync.Once
}

// Again reads a partition of the version from its beginning, out of the files
// that this scan holds: what compaction did since does not matter, nor a drop.
// The caller releases it, as it does this one.
func (s *Scan) Again(ctx context.Context, partition int) (*Scan, error) {
	again := *s
	again.ctx, again.source, again.records = ctx, nil, nil
	if s.snapshot == nil {
		return &again, nil
	}
	var err error
	if again.segments, err = s.snapshot.version.of(s.name, partition); err != nil {
		return nil, err
	}
	again.snapshot, err = s.snapshot.again()
	return &again, err
}

func (s *Snapshot) again() (*Snapshot, error) {
	d := s.dataset
	if d.store.isClosed() {
		return nil, ErrClosed
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.holdLocked(s.version), nil
}

// Release lets go of the files. Only the first call counts.
func (s *Snapshot) Release() {
	s.once.Do(func() { s.dataset.release(s.version.generation) })
}

// ensure opens a segment that a manifest names, so that it must be there.
func ensure(ctx context.Context, from Segments, name string) (*LocalSegment, error) {
	local, err := from.Ensure(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return local, err
}

// openVerified opens a segment with checksums of blocks so that no byte of it is
// used unverified.
func openVerified(ctx context.Context, from Segments, name string, s Segment) (*LocalSegment, *verifiedReader, error) {
	local, err := ensure(ctx, from, name)
	if err != nil {
		return nil, nil, err
	}
	sums, err := decodeSidecar(local.Sidecar, s.Sum)
	if err != nil {
		err = fmt.Errorf("its sidecar %s%s: %w", name, sidecarSuffix, err)
		return nil, nil, errors.Join(err, local.Close())
	}
	if sums.size != s.Bytes {
		err = fmt.Errorf("%w: sums for %d bytes, want %d", ErrCorrupt, sums.size, s.Bytes)
		return nil, nil, errors.Join(err, local.Close())
	}
	return local, newVerifiedReader(local, sums), nil
}
