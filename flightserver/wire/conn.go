package wire

import (
	"net"
	"sync"
	"time"
)

const (
	// pendingBytes bounds what waits to be written. Beyond it a Write waits, so
	// that a slow reader slows down what is read for it.
	pendingBytes = 1 << 20
	// lingerTime is how long a closed connection may take to write the rest.
	lingerTime = time.Second
)

// conn gathers what gRPC writes, which is a frame's header and its payload one
// after the other and 16 KiB at most, into large writes. It begins to write at
// once, and what comes meanwhile goes with the next write.
type conn struct {
	net.Conn
	write   func(*batch) error
	most    int             // bytes that are pending before a Write waits
	borrows bool            // write takes pieces where they lie
	writers *sync.WaitGroup // counts run
	sees    *inbound        // what the client sends

	mu      sync.Mutex
	changed sync.Cond // pending has become empty, or an end has come
	pending *batch    // not empty: run is running
	sent    outbound  // what was taken so far
	spare   *batch    // nil while it is written
	running bool
	err     error // why nothing is taken any more
}

func newConn(under net.Conn, write func(*batch) error, writers *sync.WaitGroup) *conn {
	c := &conn{Conn: under, write: write, most: pendingBytes, writers: writers, sees: newInbound(), pending: &batch{}, spare: &batch{}}
	c.changed.L = &c.mu
	return c
}

// Write takes p, which is written soon after. The error is that of what was
// taken before.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.pending.size >= c.most && c.err == nil {
		c.changed.Wait()
	}
	if c.err != nil {
		return 0, c.err
	}
	if err := c.take(p); err != nil {
		c.failLocked(err)
		return 0, err
	}
	if !c.running {
		c.running = true
		c.writers.Go(c.run)
	}
	return len(p), nil
}

func (c *conn) take(p []byte) error {
	switch c.sent.next(p) {
	case dataHeader:
		c.pending.open(p, min(int(c.sees.maxFrame.Load()), c.most))
		return nil
	case otherFrame:
		c.pending.last = nil
	case restOfFrame:
	}
	l := lent.find(p)
	if l == nil {
		c.pending.copy(p)
		return nil
	}
	if c.borrows && len(p) >= lentBytes/4 {
		c.pending.refer(p, l)
		return nil
	}
	defer l.release()
	return guard(func() { c.pending.copy(p) })
}

// Read tells what the client sends to whom it concerns.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.sees.observe(p[:n])
	return n, err
}

// run writes until nothing is pending.
func (c *conn) run() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.pending.size > 0 {
		b := c.pending
		c.pending, c.spare = c.spare, nil
		c.changed.Broadcast()
		c.mu.Unlock()
		err := c.write(b)
		b.reset()
		c.mu.Lock()
		c.spare = b
		if err != nil {
			c.failLocked(err)
		}
	}
	c.running = false
	if c.err != nil {
		_ = c.Conn.Close()
	}
}

// failLocked gives up what is pending. gRPC waits for its reader to learn that
// a connection is lost, so the connection is closed.
func (c *conn) failLocked(err error) {
	if c.err == nil {
		c.err = err
	}
	c.pending.reset()
	c.changed.Broadcast()
	_ = c.Conn.Close()
}

// Close refuses further writes. What is pending is written yet, within
// lingerTime: gRPC closes right behind its last words. Close does not wait for
// it, since gRPC closes its connections one by one.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = net.ErrClosed
		c.changed.Broadcast()
	}
	if !c.running {
		return c.Conn.Close()
	}
	time.AfterFunc(lingerTime, func() { _ = c.Conn.Close() })
	return c.SetReadDeadline(time.Unix(1, 0)) // ends a Read
}
