package limits

import (
	"net"
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

func (l *Listener) closed() {
	l.open.Add(-1)
	l.metrics.open.Dec()
}
