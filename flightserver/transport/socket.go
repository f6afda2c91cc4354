package transport

import (
	"errors"
	"io"
	"net"
	"syscall"

	"google.golang.org/grpc/credentials"
)

// socket is a connection, secured or not, as this package uses one.
type socket struct {
	net.Conn
	info credentials.AuthInfo
	// write writes pieces where they lie, and nothing once it has failed.
	write func(pieces net.Buffers) error
	// ready gives what there is to read, in one of plainChunks that is taken when
	// there is something; nil: it cannot be known.
	ready func() (*[]byte, int, error)
	// abort closes the network's connection, and waits for nothing.
	abort func()
}

// secure makes the credentials' handshake.
func secure(under net.Conn, by credentials.TransportCredentials) (socket, error) {
	records := &recordConn{Conn: under}
	secured, info, err := by.ServerHandshake(records)
	if err != nil {
		return socket{}, err
	}
	s := socket{Conn: secured, info: info, abort: func() { _ = under.Close() }}
	if secured != net.Conn(records) {
		s.write = func(p net.Buffers) error { return records.encrypt(secured, p) }
		return s, nil
	}
	s.write = func(p net.Buffers) error {
		_, err := p.WriteTo(under) // of TCP's it is one system call
		return err
	}
	if descriptor, ok := under.(syscall.Conn); ok {
		if raw, err := descriptor.SyscallConn(); err == nil {
			counter, _ := under.(receiveCounter)
			s.ready = rawReader{raw, counter}.read
		}
	}
	return s, nil
}

// receiveCounter is a connection that wants to know what is read past its Read.
type receiveCounter interface{ Received(bytes int) }

// rawReader reads where an idle connection is to hold no buffer.
type rawReader struct {
	raw     syscall.RawConn
	counter receiveCounter // nil: nobody counts
}

func (r rawReader) read() (buffer *[]byte, n int, err error) {
	var failed error
	err = r.raw.Read(func(fd uintptr) (done bool) {
		buffer = plainChunks.Get(plainChunkBytes)
		n, failed = syscall.Read(int(fd), *buffer)
		if failed == nil && n > 0 {
			return true
		}
		plainChunks.Put(buffer)
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
	if r.counter != nil {
		r.counter.Received(n)
	}
	return buffer, n, nil
}
