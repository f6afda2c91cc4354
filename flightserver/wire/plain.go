package wire

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"

	"google.golang.org/grpc/mem"
)

// plainConn is a connection without TLS that has a descriptor.
type plainConn struct {
	*conn
	raw     syscall.RawConn
	counter receiveCounter // nil: nobody counts
}

// receiveCounter is a connection that wants to know what is read past its Read.
type receiveCounter interface{ Received(bytes int) }

// newPlainConn borrows on any connection, though only TCP writes many pieces at
// once.
func newPlainConn(under net.Conn, writers *sync.WaitGroup) net.Conn {
	c := newConn(under, func(b *batch) error {
		pieces := b.pieces // WriteTo takes off the slice what it has written
		_, err := pieces.WriteTo(under)
		return err
	}, writers)
	c.borrows = true
	if socket, ok := under.(syscall.Conn); ok {
		if raw, err := socket.SyscallConn(); err == nil {
			counter, _ := under.(receiveCounter)
			return &plainConn{conn: c, raw: raw, counter: counter}
		}
	}
	return c
}

// ReadOnReady takes a buffer when there is something to read, so that an idle
// connection holds none. gRPC does the same with connections of its own.
func (c *plainConn) ReadOnReady(size int, pool mem.BufferPool) (*[]byte, int, error) {
	var (
		buffer *[]byte
		n      int
		failed error
	)
	err := c.raw.Read(func(fd uintptr) (done bool) {
		buffer = pool.Get(size)
		n, failed = syscall.Read(int(fd), *buffer)
		if failed == nil && n > 0 {
			return true
		}
		pool.Put(buffer)
		return !errors.Is(failed, syscall.EAGAIN) && !errors.Is(failed, syscall.EINTR)
	})
	switch {
	case err != nil:
		return nil, 0, err
	case failed != nil:
		return nil, 0, failed
	case n == 0:
		return nil, 0, io.EOF
	}
	if c.counter != nil {
		c.counter.Received(n)
	}
	c.sees.observe((*buffer)[:n])
	return buffer, n, nil
}
