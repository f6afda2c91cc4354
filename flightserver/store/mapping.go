package store

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"sync/atomic"

	"github.com/flight-operator/flight-operator/flightserver/fault"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// mappedSegment is an Arrow segment in memory, with what was verified of it. It
// is a Memory, and safe for concurrent use.
type mappedSegment struct {
	cache   *mappings
	name    string
	index   *index
	mapping vfs.Mapping
	// verified has a bit for each message.
	verified []atomic.Uint32

	refs atomic.Int64
	// What follows is guarded by the cache.
	idle   *list.Element // nil while somebody holds the segment
	gone   bool          // nobody will ask for it again
	closed bool
}

// mapSegment maps a segment; the caller holds it.
func mapSegment(ctx context.Context, from Segments, name string, s Segment) (*mappedSegment, error) {
	local, err := ensure(ctx, from, name)
	if err != nil {
		return nil, err
	}
	m, err := mapLocal(local, name, s)
	if cerr := local.Close(); cerr != nil && err == nil {
		return nil, errors.Join(cerr, m.mapping.Close())
	}
	return m, err
}

func mapLocal(local *LocalSegment, name string, s Segment) (*mappedSegment, error) {
	x, err := decodeIndex(local.Sidecar, s.Sum)
	if err != nil {
		return nil, fmt.Errorf("its sidecar %s%s: %w", name, sidecarSuffix, err)
	}
	if x.size() != s.Bytes {
		return nil, fmt.Errorf("%w: an index of %d bytes, want %d", ErrCorrupt, x.size(), s.Bytes)
	}
	mapping, err := local.Map()
	if err != nil {
		return nil, err
	}
	if n := int64(len(mapping.Bytes())); n < s.Bytes {
		return nil, errors.Join(fmt.Errorf("%w: %d bytes, want %d", ErrCorrupt, n, s.Bytes), mapping.Close())
	}
	m := &mappedSegment{name: name, index: x, mapping: mapping, verified: make([]atomic.Uint32, len(x.messages)/32+1)}
	m.refs.Store(1)
	return m, nil
}

// Bytes implements Memory.
func (m *mappedSegment) Bytes() []byte { return m.mapping.Bytes() }

// Retain implements Memory.
func (m *mappedSegment) Retain() { m.refs.Add(1) }

// Release implements Memory. The last holder leaves the segment to the cache.
func (m *mappedSegment) Release() {
	if m.refs.Add(-1) == 0 {
		m.cache.rest(m)
	}
}

// prefetchBytes is how far ahead of a first reader the disk is kept busy.
const prefetchBytes = 16 << 20

// message gives a message, verified. It has no reference to the segment of its
// own.
func (m *mappedSegment) message(i int) (Message, error) {
	x := &m.index.messages[i]
	if bit := uint32(1) << (i % 32); m.verified[i/32].Load()&bit == 0 {
		m.mapping.Prefetch(x.end(), prefetchBytes)
		if err := verify(m.mapping.Bytes(), x.span); err != nil {
			return Message{}, fmt.Errorf("message %d: %w", i, err)
		}
		m.verified[i/32].Or(bit)
	}
	b := m.mapping.Bytes()[x.offset:x.end()]
	return Message{
		Header: b[marksBytes : marksBytes+x.header : marksBytes+x.header], Body: b[x.prefix:len(b):len(b)],
		AppMetadata: x.appMetadata, Rows: x.stats.Rows, Memory: m,
	}, nil
}

// verify compares a range with its checksum. Touching mapped bytes that the
// disk cannot give is a fault, which must not end the process.
func verify(b []byte, s span) error {
	var sum uint32
	if err := fault.Guard(func() { sum = crc32.Checksum(b[s.offset:s.end()], castagnoli) }); err != nil {
		return fmt.Errorf("%w: %d bytes at %d: %w", ErrCorrupt, s.length, s.offset, err)
	}
	if sum != s.sum {
		return fmt.Errorf("%w: wrong checksum of %d bytes at %d", ErrCorrupt, s.length, s.offset)
	}
	return nil
}
