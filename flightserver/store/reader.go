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
