package store

import (
	"math/bits"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	// Small buffers are cheap to make anew, and large ones are too rare to wait
	// for the next.
	minRecycledBytes = 4 << 10
	maxRecycledBytes = 2 * targetRecordBytes
	// maxWaitingBytes bounds what waits for its next use.
	maxWaitingBytes = 8 * targetRecordBytes
)

// recycler gives the buffers of a decoder again that it let go of: most of its
// pages, columns and messages are as large as those before, and making them anew
// costs a third of its time. They never serve another decoder, and are cleared as
// new memory is, so that no bytes show where a column has no values. It is safe
// for concurrent use: records and messages are released where they are used, not
// where they are made.
type recycler struct {
	memory.Allocator

	mu struct {
		sync.Mutex
		waiting [bits.UintSize][][]byte // by the logarithm of their capacity
		bytes   int
		closed  bool // nothing waits
	}
}

// Allocate implements memory.Allocator.
func (r *recycler) Allocate(size int) []byte {
	if size < minRecycledBytes || size > maxRecycledBytes {
		return r.Allocator.Allocate(size)
	}
	b := r.take(capacityClass(size))
	if b == nil {
		return r.Allocator.Allocate(1 << capacityClass(size))[:size]
	}
	b = b[:size]
	clear(b)
	return b
}

func (r *recycler) take(class int) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting := r.mu.waiting[class]
	if len(waiting) == 0 {
		return nil
	}
	last := len(waiting) - 1
	b := waiting[last]
	waiting[last], r.mu.waiting[class] = nil, waiting[:last]
	r.mu.bytes -= cap(b)
	return b
}

// Reallocate implements memory.Allocator.
func (r *recycler) Reallocate(size int, b []byte) []byte {
	if old := len(b); size <= cap(b) {
		b = b[:size]
		if size > old {
			clear(b[old:])
		}
		return b
	}
	grown := r.Allocate(size)
	copy(grown, b)
	r.Free(b)
	return grown
}

// Free implements memory.Allocator.
func (r *recycler) Free(b []byte) {
	size := cap(b)
	if size < minRecycledBytes || size > maxRecycledBytes || size != 1<<capacityClass(size) {
		r.Allocator.Free(b)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.closed || r.mu.bytes+size > maxWaitingBytes {
		r.Allocator.Free(b)
		return
	}
	r.mu.waiting[capacityClass(size)] = append(r.mu.waiting[capacityClass(size)], b)
	r.mu.bytes += size
}

// close gives back what waits. Records that are still in use follow.
func (r *recycler) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, waiting := range &r.mu.waiting {
		for _, b := range waiting {
			r.Allocator.Free(b)
		}
	}
	clear(r.mu.waiting[:])
	r.mu.bytes, r.mu.closed = 0, true
}

// capacityClass is the logarithm of the smallest power of two that is not below
// size.
func capacityClass(size int) int { return bits.Len(uint(size - 1)) }
