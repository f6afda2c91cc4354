package wire

import (
	"net"
	"sync"
)

// chunkBytes is a multiple of what a TLS record holds.
const chunkBytes = 64 << 10

type chunk [chunkBytes]byte

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// batch is what is written at once: pieces that stay where they are, and between
// them what was copied.
type batch struct {
	pieces net.Buffers
	size   int
	loans  []*loan
	chunks []*chunk
	used   int  // of the last chunk
	grows  bool // the last piece ends where the last chunk is free
}

// refer adds what lies in a loan, which the batch releases.
func (b *batch) refer(p []byte, l *loan) {
	b.pieces = append(b.pieces, p)
	b.loans = append(b.loans, l)
	b.size += len(p)
	b.grows = false
}

// copy adds what will not stay where it is.
func (b *batch) copy(p []byte) {
	for len(p) > 0 {
		free := b.room()
		n := copy(free, p)
		last := len(b.pieces) - 1
		b.pieces[last] = b.pieces[last][:len(b.pieces[last])+n]
		b.used += n
		b.size += n
		p = p[n:]
	}
}

// room gives the free end of a chunk that the last piece grows into.
func (b *batch) room() []byte {
	if len(b.chunks) == 0 || b.used == chunkBytes {
		b.chunks = append(b.chunks, chunks.Get().(*chunk))
		b.used = 0
		b.grows = false
	}
	free := b.chunks[len(b.chunks)-1][b.used:]
	if !b.grows {
		b.pieces = append(b.pieces, free[:0])
		b.grows = true
	}
	return free
}

// reset lets go of all and leaves an empty batch.
func (b *batch) reset() {
	for _, l := range b.loans {
		l.release()
	}
	for _, c := range b.chunks {
		chunks.Put(c)
	}
	clear(b.pieces)
	clear(b.loans)
	clear(b.chunks)
	*b = batch{pieces: b.pieces[:0], loans: b.loans[:0], chunks: b.chunks[:0]}
}
