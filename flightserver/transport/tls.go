package transport

import (
	"io"
	"net"
	"sync"

	"github.com/flight-operator/flight-operator/flightserver/fault"
)

const (
	// recordBytes is what one record of TLS holds at most.
	recordBytes = 16 << 10
	// recordsBytes is about how much goes to the network at once under TLS.
	recordsBytes = 128 << 10
)

var plaintexts = sync.Pool{New: func() any { return new([recordBytes]byte) }}

// writeRecords writes pieces so that records are full. What makes up whole
// records goes to TLS where it lies, and is copied only by it; the headers of
// frames and what stands around them is put together before.
func writeRecords(secured io.Writer, pieces [][]byte) error {
	room := plaintexts.Get().(*[recordBytes]byte)
	defer plaintexts.Put(room)
	gathered := room[:0]
	for _, p := range pieces {
		for len(p) > 0 {
			if whole := len(p) / recordBytes * recordBytes; len(gathered) == 0 && whole > 0 {
				if _, err := secured.Write(p[:whole]); err != nil {
					return err
				}
				p = p[whole:]
				continue
			}
			n := min(recordBytes-len(gathered), len(p))
			gathered, p = append(gathered, p[:n]...), p[n:]
			if len(gathered) < recordBytes {
				continue
			}
			if _, err := secured.Write(gathered); err != nil {
				return err
			}
			gathered = room[:0]
		}
	}
	_, err := secured.Write(gathered)
	return err
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

// encrypt writes pieces through TLS, which may lie in a file that is mapped.
func (c *recordConn) encrypt(secured io.Writer, pieces [][]byte) (err error) {
	c.hold()
	if fault := fault.Guard(func() { err = writeRecords(secured, pieces) }); fault != nil {
		return fault
	}
	if err != nil {
		return err
	}
	return c.send()
}

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
