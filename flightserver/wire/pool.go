package wire

import (
	"sync"

	"google.golang.org/grpc/mem"
)

// frameBytes are what gRPC reads at once of a message.
const frameBytes = 16 << 10

// BufferPool gives a server's transport the buffers that it reads messages into.
// gRPC's own pool clears each buffer before the message covers it, which costs
// an upload a sixth of its time.
func BufferPool() mem.BufferPool { return received }

var received mem.BufferPool = &framePool{rest: mem.DefaultBufferPool()}

// framePool keeps buffers of frameBytes as they were left, and leaves the other
// sizes to rest.
type framePool struct {
	frames sync.Pool
	rest   mem.BufferPool
}

// Get gives a buffer that holds anything.
func (p *framePool) Get(n int) *[]byte {
	if n > frameBytes || n <= frameBytes/4 {
		return p.rest.Get(n)
	}
	b, ok := p.frames.Get().(*[]byte)
	if !ok {
		made := make([]byte, frameBytes)
		b = &made
	}
	*b = (*b)[:n]
	return b
}

// Put takes a buffer of Get back.
func (p *framePool) Put(b *[]byte) {
	if cap(*b) != frameBytes {
		p.rest.Put(b)
		return
	}
	p.frames.Put(b)
}
