package transport

import (
	"bytes"
	"math"
	"net"
	"sync"
	"sync/atomic"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/flight-operator/flight-operator/flightserver/fault"
)

const (
	// mostPending bounds what is put together. Beyond it who adds to it waits.
	mostPending = 64 << 10
	// smallBytes of a message are copied, to go with others.
	smallBytes = 4 << 10

	tableBytes = 4 << 10 // of HPACK's table, which a client may make smaller
)

// output writes a connection's frames.
type output struct {
	write func(net.Buffers) error
	abort func()          // ends a write
	turn  chan struct{}   // full: somebody writes
	ended chan struct{}   // closed: nothing is written any more
	count *sync.WaitGroup // of goroutines that flush

	sent atomic.Bool // frames of calls, since the client pinged last

	mu       sync.Mutex
	taken    sync.Cond // pending has become empty, or the end has come
	pending  []byte    // whole frames, to be written before all others
	frames   *http2.Framer
	fields   *hpack.Encoder
	block    bytes.Buffer // what fields encodes
	flushing bool         // somebody is about to write what is pending
	err      error        // why the end has come
	// headerList is what the client takes of a block, as RFC 9113 counts it.
	headerList uint32

	spare []byte // whose turn it is
}

func newOutput(to socket, count *sync.WaitGroup) *output {
	o := &output{
		write: to.write, abort: to.abort, turn: make(chan struct{}, 1), ended: make(chan struct{}), count: count,
		headerList: math.MaxUint32,
	}
	o.taken.L = &o.mu
	o.frames = http2.NewFramer((*pendingFrames)(o), nil)
	o.fields = hpack.NewEncoder(&o.block)
	return o
}

// pendingFrames is where a Framer writes.
type pendingFrames output

func (p *pendingFrames) Write(b []byte) (int, error) {
	p.pending = append(p.pending, b...)
	return len(b), nil
}

// queue has frames written soon. What they are is decided when there is room for
// them; at the end of the connection nothing is.
func (o *output) queue(add func(*http2.Framer)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.awaitRoomLocked()
	if o.err != nil {
		return
	}
	add(o.frames)
	o.flushSoonLocked()
}

// awaitRoomLocked returns when more may be put together, or the end has come.
func (o *output) awaitRoomLocked() {
	for len(o.pending) > mostPending && o.err == nil {
		o.taken.Wait()
	}
}

func (o *output) flushSoonLocked() {
	if !o.flushing && len(o.pending) > 0 {
		o.flushing = true
		o.count.Go(o.flush)
	}
}

// flush writes until nothing is pending.
func (o *output) flush() {
	select {
	case o.turn <- struct{}{}:
	case <-o.ended:
		return
	}
	defer o.pass()
	for {
		o.mu.Lock()
		p := o.takeLocked()
		o.flushing = len(p) > 0
		o.mu.Unlock()
		if len(p) == 0 {
			return
		}
		if err := o.write(net.Buffers{p}); err != nil {
			o.fail(err)
			return
		}
		o.spare = p
	}
}

func (o *output) pass() { <-o.turn }

// takeLocked is for whose turn it is, who writes it next.
func (o *output) takeLocked() []byte {
	p := o.pending
	o.pending, o.spare = o.spare[:0], nil
	o.taken.Broadcast()
	return p
}

// send writes DATA frames of a call: frames are whole, and lie where they lie
// until send returns.
func (o *output) send(c *call, frames net.Buffers) error {
	select {
	case o.turn <- struct{}{}:
	case <-c.ctx.Done():
		return c.ctx.Err()
	case <-o.ended:
		return o.cause()
	}
	defer o.pass()
	o.mu.Lock()
	if err := o.startLocked(c); err != nil {
		o.mu.Unlock()
		return err
	}
	frames[0] = o.takeLocked()
	o.mu.Unlock()
	o.sent.Store(true)
	first := frames[0]
	err := o.write(frames)
	if err != nil {
		o.fail(err)
	}
	o.spare = first
	return err
}

// sendSmall copies DATA frames of a call.
func (o *output) sendSmall(c *call, frames net.Buffers) (err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.awaitRoomLocked()
	if err := o.startLocked(c); err != nil {
		return err
	}
	whole := len(o.pending)
	err = fault.Guard(func() {
		for _, p := range frames {
			o.pending = append(o.pending, p...)
		}
	})
	if err != nil {
		o.pending = o.pending[:whole]
		return err
	}
	o.sent.Store(true)
	o.flushSoonLocked()
	return nil
}

// fail ends the output and the connection. The first error holds.
func (o *output) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
		close(o.ended)
		o.taken.Broadcast()
		o.abort()
	}
}

func (o *output) cause() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// wait returns when nothing is pending or the end has come.
func (o *output) wait() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for (len(o.pending) > 0 || o.flushing) && o.err == nil {
		o.taken.Wait()
	}
}
