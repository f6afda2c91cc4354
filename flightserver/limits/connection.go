package limits

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Connection is what a Listener knows about a connection that it handed out.
// The calls on it find it by the address of their peer.
type Connection struct {
	under  net.Conn
	closed func()
	moved  atomic.Int64 // when a call on it moved last, in nanoseconds since 1970
	doomed atomic.Bool  // a call on it has stalled

	receiving receiving
}

// ConnectionOf gives the connection behind an address that its RemoteAddr gave,
// else nil.
func ConnectionOf(peer net.Addr) *Connection {
	if a, ok := peer.(address); ok {
		return a.of
	}
	return nil
}

// counted keeps what a TCP connection can do beside net.Conn, such as to write
// many buffers at once.
func (l *Listener) counted(c net.Conn) net.Conn {
	of := &Connection{under: c, closed: sync.OnceFunc(l.closed)}
	if tcp, ok := c.(*net.TCPConn); ok {
		boundUnsent(tcp, l.open.Load())
		return tcpConn{tcp, of}
	}
	return conn{c, of}
}

type tcpConn struct {
	*net.TCPConn
	of *Connection
}

func (c tcpConn) Close() error         { return c.of.close() }
func (c tcpConn) RemoteAddr() net.Addr { return address{c.TCPConn.RemoteAddr(), c.of} }

func (c tcpConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.Received(n)
	return n, err
}

// Received is to be told of bytes that were read by the connection's descriptor.
func (c tcpConn) Received(n int) { c.of.received(n) }

type conn struct {
	net.Conn
	of *Connection
}

func (c conn) Close() error         { return c.of.close() }
func (c conn) RemoteAddr() net.Addr { return address{c.Conn.RemoteAddr(), c.of} }

func (c conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.of.received(n)
	return n, err
}

type address struct {
	net.Addr
	of *Connection
}

func (c *Connection) close() error {
	defer c.closed()
	return c.under.Close()
}

// move notes that the connection is of use.
func (c *Connection) move() {
	if c != nil {
		c.moved.Store(time.Now().UnixNano())
	}
}

// doom closes the connection once no call on it has moved for so long. What a
// client does not take stays queued in its connection beyond the end of the
// call, with the memory that it lies in; but a connection may carry other calls
// that are well, and the client is to have time to read how its call ended.
func (c *Connection) doom(idle time.Duration) {
	if c == nil || !c.doomed.CompareAndSwap(false, true) {
		return
	}
	c.move()
	c.closeWhenIdle(idle)
}

func (c *Connection) closeWhenIdle(idle time.Duration) {
	left := idle - time.Since(time.Unix(0, c.moved.Load()))
	if left > 0 {
		time.AfterFunc(left, func() { c.closeWhenIdle(idle) })
		return
	}
	_ = c.close() // whoever reads from it learns of it
}
