package limits

import (
	"math"
	"sync"
)

// receiving counts what has come of messages that are not whole yet. Whose of
// the calls on a connection it is cannot be known here.
type receiving struct {
	mu    sync.Mutex
	calls map[*Progress]bool // that wait for a message
	held  *Holder            // nil: there was no call yet
}

func (c *Connection) received(n int) {
	if held := c.receiving.holder(); held != nil {
		held.Add(int64(n))
	}
}

// holder is nil while no call waits for a message: what is read then is of other
// frames.
func (r *receiving) holder() *Holder {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.calls) == 0 {
		return nil
	}
	return r.held
}

func (c *Connection) beginReceive(p *Progress) {
	if c == nil {
		return
	}
	r := &c.receiving
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		r.held = p.watch.backlog.Holder(c.endReceiving)
		r.calls = map[*Progress]bool{}
	}
	r.calls[p] = true
}

// endReceive is told of the bytes of the message; none: there came no message.
func (c *Connection) endReceive(p *Progress, bytes int) {
	if c == nil {
		return
	}
	r := &c.receiving
	r.mu.Lock()
	defer r.mu.Unlock()
	if delete(r.calls, p); len(r.calls) == 0 {
		r.held.Done(math.MaxInt64)
		return
	}
	r.held.Done(int64(bytes))
}

func (c *Connection) endReceiving(err error) {
	c.receiving.mu.Lock()
	defer c.receiving.mu.Unlock()
	for p := range c.receiving.calls {
		p.end(err)
	}
}
