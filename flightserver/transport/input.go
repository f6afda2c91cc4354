package transport

import (
	"bytes"
	"sync"

	"google.golang.org/grpc/mem"
)

const (
	// plainChunkBytes are read at once from the network, and secureChunkBytes
	// from TLS, which has no more than a record of 16 KiB at one time, and keeps
	// its chunk while it waits.
	plainChunkBytes  = 128 << 10
	secureChunkBytes = 32 << 10

	// copiedBytes is the least of a message that is worth keeping a chunk for.
	copiedBytes = 8 << 10
)

// chunkPool keeps chunks of one size as they were left: what is read covers them.
type chunkPool struct {
	size   int
	chunks sync.Pool
}

var (
	plainChunks  = &chunkPool{size: plainChunkBytes}
	secureChunks = &chunkPool{size: secureChunkBytes}
)

// Get gives a chunk, whatever is asked for.
func (p *chunkPool) Get(int) *[]byte {
	if b, ok := p.chunks.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, p.size)
	return &b
}

// Put takes a chunk back.
func (p *chunkPool) Put(b *[]byte) { p.chunks.Put(b) }

// input reads a connection by chunks. One goroutine uses it.
type input struct {
	socket  socket
	chunk   mem.Buffer // nil: there is none
	at, end int        // what is left of the chunk
}

// Read is for what is looked at and forgotten.
func (in *input) Read(p []byte) (int, error) {
	if err := in.fill(); err != nil {
		return 0, err
	}
	n := copy(p, in.chunk.ReadOnlyData()[in.at:in.end])
	in.at += n
	return n, nil
}

// next gives at most n bytes, at least one, which whoever takes them frees.
func (in *input) next(n int) (mem.Buffer, error) {
	if err := in.fill(); err != nil {
		return nil, err
	}
	from := in.at
	in.at += min(n, in.end-from)
	// A part of a chunk keeps all of it.
	if in.at-from < copiedBytes || in.end < in.chunk.Len()/2 {
		return mem.SliceBuffer(bytes.Clone(in.chunk.ReadOnlyData()[from:in.at])), nil
	}
	return in.chunk.Slice(from, in.at), nil
}

// fill reads a chunk where nothing is left of the last one.
func (in *input) fill() error {
	if in.at < in.end {
		return nil
	}
	in.close()
	if in.socket.ready != nil {
		b, n, err := in.socket.ready()
		if err != nil {
			return err
		}
		in.chunk, in.end = mem.NewBuffer(b, plainChunks), n
		return nil
	}
	b := secureChunks.Get(secureChunkBytes)
	n, err := in.socket.Read(*b)
	if n == 0 {
		secureChunks.Put(b)
		return err
	}
	in.chunk, in.end = mem.NewBuffer(b, secureChunks), n
	return nil // Read gives the error again
}

// close gives the chunk back.
func (in *input) close() {
	if in.chunk != nil {
		in.chunk.Free()
	}
	in.chunk, in.at, in.end = nil, 0, 0
}
