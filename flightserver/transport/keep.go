package transport

import (
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/keepalive"
)

// leaving is how far a connection is on its way out, RFC 9113, section 6.8.
type leaving int

const (
	stays     leaving = iota
	announced         // the client was told, and calls that it had begun by then are taken
	refusing          // no more calls are taken
)

var (
	drainPing = [8]byte{'d', 'r', 'a', 'i', 'n'}
	alivePing = [8]byte{'a', 'l', 'i', 'v', 'e'}
	errAge    = errors.New("the connection is too old")
	errGone   = errors.New("the client does not answer")
	errEnded  = errors.New("the call has ended")

	errHeaderList = errors.New("the client takes no header of this size")
)

// announceTime is what a client has to begin calls that it does not know to be
// late.
const announceTime = 5 * time.Second

// drain asks the client to leave. Calls in flight go on.
func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving != stays {
		return
	}
	c.leaving = announced
	c.queueAside(func(f *http2.Framer) {
		_ = f.WriteGoAway(math.MaxInt32, http2.ErrCodeNo, nil)
		_ = f.WritePing(false, drainPing)
	})
	c.server.running.Go(c.refuseSoon)
}

// refuseSoon is for clients that do not answer the ping.
func (c *conn) refuseSoon() {
	late := time.NewTimer(announceTime)
	defer late.Stop()
	select {
	case <-late.C:
		c.refuse()
	case <-c.out.ended:
	}
}

// refuse takes no more calls.
func (c *conn) refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving != announced {
		return
	}
	c.leaving = refusing
	last := c.last
	c.queueAside(func(f *http2.Framer) { _ = f.WriteGoAway(last, http2.ErrCodeNo, nil) })
	c.leaveLocked()
}

// queueAside is for those who cannot wait until there is room.
func (c *conn) queueAside(add func(*http2.Framer)) {
	c.server.running.Go(func() { c.out.queue(add) })
}

// leaveLocked ends the connection when it was left and nothing is on it. The
// client closes it, or is waited for a little: what it sends to a connection that
// is closed would take from it what it has not read yet.
func (c *conn) leaveLocked() {
	if c.leaving == refusing && len(c.calls) == 0 {
		_ = c.net.SetReadDeadline(time.Now().Add(lingerTime))
	}
}

// keep looks after the client and the age of the connection, until it ends.
func (c *conn) keep() {
	k := c.server.options.Keepalive
	alive, age := after(k.Time), after(spread(k.MaxConnectionAge))
	defer alive.Stop()
	defer age.Stop()
	var seen int64 // what was read when the client was asked; zero: it was not
	var asked time.Time
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-age.C:
			if c.tooOld() {
				c.fail(errAge)
				return
			}
			age.Reset(orNever(k.MaxConnectionAgeGrace))
		case <-alive.C:
			read := c.read.Load()
			idle := time.Since(time.Unix(0, read))
			switch left := orNever(k.Timeout) - time.Since(asked); {
			case seen != 0 && read == seen && left <= 0:
				c.fail(errGone)
				return
			case seen != 0 && read == seen:
				alive.Reset(min(left, k.Time))
			case idle < k.Time:
				seen = 0
				alive.Reset(k.Time - idle)
			default:
				seen, asked = max(read, 1), time.Now()
				c.queueAside(func(f *http2.Framer) { _ = f.WritePing(false, alivePing) })
				alive.Reset(min(orNever(k.Timeout), k.Time))
			}
		}
	}
}

// tooOld asks the client to leave; true: it was asked before, and had its time.
func (c *conn) tooOld() bool {
	c.mu.Lock()
	asked := c.leaving != stays
	c.mu.Unlock()
	c.drain()
	return asked
}

func after(d time.Duration) *time.Timer { return time.NewTimer(orNever(d)) }

func orNever(d time.Duration) time.Duration {
	if d <= 0 {
		return math.MaxInt64
	}
	return d
}

// spread keeps connections that began together from ending together.
func spread(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64())) //nolint:gosec // nothing is secret about it
}

var errTooManyPings = errors.New("too_many_pings") // gRPC's clients know the text, and ping less

const (
	mostStrikes = 2
	// idlePings is how often a client may ping that has no calls, where none is
	// permitted.
	idlePings = 2 * time.Hour
)

// pings are those of a client. One goroutine uses it.
type pings struct {
	last    time.Time
	strikes int
}

// count holds a client to a policy. Whom something was sent since its last ping
// may ping for the sake of it.
func (p *pings) count(e keepalive.EnforcementPolicy, sent, idle bool) error {
	now := time.Now()
	since := now.Sub(p.last)
	p.last = now
	least := e.MinTime
	if idle && !e.PermitWithoutStream {
		least = idlePings
	}
	switch {
	case sent:
		p.strikes = 0
	case since < least:
		p.strikes++
	}
	if p.strikes > mostStrikes {
		return errTooManyPings
	}
	return nil
}
