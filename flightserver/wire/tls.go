package wire

import (
	"net"
	"sync"
)

// recordsBytes is about how much goes to the network at once under TLS.
const recordsBytes = 128 << 10

// newTLSConn writes through TLS: secured encrypts what records then sends.
//
// Everything is copied before it is encrypted. That is where a mapped file may
// fail, and it makes records of 16 KiB where a frame's header stands between.
// What is pending is memory of the process, so it is little.
func newTLSConn(secured net.Conn, records *recordConn, writers *sync.WaitGroup) *conn {
	c := newConn(secured, func(b *batch) error {
		records.hold()
		for _, piece := range b.pieces {
			if _, err := secured.Write(piece); err != nil {
				return err
			}
		}
		return records.send()
	}, writers)
	c.most = recordsBytes
	return c
}

// recordConn stands between TLS and the network. TLS writes a record at a time;
// from hold to send they are gathered.
type recordConn struct {
	net.Conn

	mu      sync.Mutex // TLS answers its peer's messages from a Read, too
	holding bool
	held    []byte
}

var recordBuffers = sync.Pool{New: func() any { b := make([]byte, 0, recordsBytes); return &b }}

func (c *recordConn) Write(record []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.holding {
		return c.Conn.Write(record)
	}
	if len(c.held)+len(record) > cap(c.held) {
		if err := c.flushLocked(); err != nil {
			return 0, err
		}
	}
	c.held = append(c.held, record...)
	return len(record), nil
}

func (c *recordConn) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = true
	c.held = *recordBuffers.Get().(*[]byte)
}

func (c *recordConn) send() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = false
	err := c.flushLocked()
	held := c.held
	c.held = nil
	recordBuffers.Put(&held)
	return err
}

func (c *recordConn) flushLocked() error {
	_, err := c.Conn.Write(c.held)
	c.held = c.held[:0]
	return err
}
