package server

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/flight-operator/flight-operator/flightserver/limits"
)

// decodedShare is what decoded data may have of that on its way: a client that
// reads slowly has it for long, and those who write are to find room beside.
const decodedShare = 2

// leastDecoded is for a message of usual size.
const leastDecoded = 4 << 20

// decoding is the memory that one reader decodes in, of which it gives back
// everything at its end. It is a catalog.Room.
type decoding struct {
	ctx     context.Context //nolint:containedctx // of the call that reads
	holding *limits.Holding
}

func (g *guards) decoding(ctx context.Context, caller string) *decoding {
	return &decoding{ctx: ctx, holding: g.decoded.Holding(caller, leastDecoded)}
}

// Reserve waits for room.
func (d *decoding) Reserve(bytes int64) error { return d.holding.Reserve(d.ctx, bytes) }

// Take counts bytes; fewer than none give them back.
func (d *decoding) Take(bytes int64) { d.holding.Add(bytes) }

// Allocate implements memory.Allocator.
func (d *decoding) Allocate(size int) []byte {
	b := memory.DefaultAllocator.Allocate(size)
	d.Take(int64(cap(b)))
	return b
}

// Reallocate implements memory.Allocator.
func (d *decoding) Reallocate(size int, b []byte) []byte {
	before := cap(b)
	b = memory.DefaultAllocator.Reallocate(size, b)
	d.Take(int64(cap(b) - before))
	return b
}

// Free implements memory.Allocator.
func (d *decoding) Free(b []byte) {
	d.Take(-int64(cap(b)))
	memory.DefaultAllocator.Free(b)
}

func (d *decoding) close() { d.holding.Close() }
