package limits

import (
	"net"
	"sync"
	"sync/atomic"
)

// Listener hands out connections, so many at a time. One that is too many is
// closed at once: left in the kernel's queue, its client would take the server
// for a slow one and wait.
type Listener struct {
	net.Listener
	most    int64
	open    atomic.Int64
	metrics *connectionMetrics
}

// NewListener bounds the connections of a listener.
func NewListener(l net.Listener, most int, m *Metrics) *Listener {
	return &Listener{Listener: l, most: int64(most), metrics: &m.connectionMetrics}
}

// Accept waits for a connection that is not too many.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.metrics.accepted.Inc()
		if l.open.Add(1) <= l.most {
			l.metrics.open.Inc()
			return l.counted(c), nil
		}
		l.open.Add(-1)
		l.metrics.refused.Inc()
		_ = c.Close() // nothing was said on it
	}
}

// counted keeps what a TCP connection can do beside net.Conn, such as to write
// many buffers at once.
func (l *Listener) counted(c net.Conn) net.Conn {
	closed := sync.OnceFunc(func() {
		l.open.Add(-1)
		l.metrics.open.Dec()
	})
	if tcp, ok := c.(*net.TCPConn); ok {
		return tcpConn{tcp, closed}
	}
	return conn{c, closed}
}

type tcpConn struct {
	*net.TCPConn
	closed func()
}

func (c tcpConn) Close() error {
	defer c.closed()
	return c.TCPConn.Close()
}

type conn struct {
	net.Conn
	closed func()
}

func (c conn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}
