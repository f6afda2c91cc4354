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
	// last is the header of the DATA frame at the end, in a chunk; nil: another
	// frame is there.
	last frameHeader
}

// open adds the header of a DATA frame, or makes the frame before it longer,
// where most allows it: a receiver has less work with few large frames.
func (b *batch) open(h frameHeader, most int) {
	if b.last != nil && b.last.joins(h, most) {
		b.last.join(h)
		return
	}
	if chunkBytes-b.used < frameHeaderBytes {
		b.used = chunkBytes // it has to lie in one piece
	}
	b.last = b.room()[:frameHeaderBytes]
	b.copy(h)
}

// refer adds what lies in a loan, which the batch releases.
func (b *batch) refer(p []byte, l *loan) {
	b.size += len(p)
	if last := len(b.pieces) - 1; !b.grows && last >= 0 && b.loans[len(b.loans)-1] == l {
		if whole := b.pieces[last]; follows(whole, p) {
			b.pieces[last] = whole[:len(whole)+len(p)]
			l.release() // it is held already
			return
		}
	}
	b.pieces = append(b.pieces, p)
	b.loans = append(b.loans, l)
	b.grows = false
}

// follows tells whether p, which is not empty, lies right behind b in the same memory.
func follows(b, p []byte) bool {
	return cap(b)-len(b) >= len(p) && &b[:len(b)+1][len(b)] == &p[0]
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
