package limits

import (
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// CallLimits are those of Calls.
type CallLimits struct {
	Calls       int     // at one time, in all
	PerIdentity int     // at one time
	PerSecond   float64 // of an identity; zero: no bound
}

// Calls counts calls in flight, by identity. Any number of goroutines may use it.
type Calls struct {
	limits  CallLimits
	metrics *callMetrics

	// A caller is kept while it has a call in flight or has not yet won back its
	// burst; total is the sum over the callers' calls.
	mu      sync.Mutex
	total   int
	callers map[string]*caller
	sweepAt int // callers, at which those that may go are looked for
}

type caller struct {
	calls int
	rate  *rate.Limiter // nil: no bound
}

// leastSweep keeps a server with few callers from looking for what may go.
const leastSweep = 1024

// NewCalls gives an empty count.
func NewCalls(l CallLimits, m *Metrics) *Calls {
	return &Calls{limits: l, metrics: &m.callMetrics, callers: map[string]*caller{}, sweepAt: leastSweep}
}

// Begin counts a call until end is called, once. The error is ErrTooManyCalls
// or ErrTooOften.
func (c *Calls) Begin(identity string) (end func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	who := c.callerLocked(identity)
	switch {
	case c.total >= c.limits.Calls:
		c.metrics.refusedCalls.Inc()
		return nil, fmt.Errorf("%w: the server has %d, its limit calls", ErrTooManyCalls, c.total)
	case who.calls >= c.limits.PerIdentity:
		c.metrics.refusedIdentity.Inc()
		return nil, fmt.Errorf("%w: %q has %d, its limit callsPerIdentity", ErrTooManyCalls, identity, who.calls)
	case who.rate != nil && !who.rate.Allow():
		c.metrics.refusedRate.Inc()
		return nil, fmt.Errorf("%w: %q may make %g, its limit callsPerSecond", ErrTooOften, identity, c.limits.PerSecond)
	}
	c.total++
	who.calls++
	return func() { c.end(who) }, nil
}

func (c *Calls) end(who *caller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	who.calls--
}

func (c *Calls) callerLocked(identity string) *caller {
	if who := c.callers[identity]; who != nil {
		return who
	}
	if len(c.callers) >= c.sweepAt {
		c.sweepLocked()
	}
	who := &caller{}
	if r := c.limits.PerSecond; r > 0 {
		who.rate = rate.NewLimiter(rate.Limit(r), int(math.Ceil(r)))
	}
	c.callers[identity] = who
	return who
}

// sweepLocked forgets whom a new entry would serve as well. The next time is
// when the map has doubled, so that each call pays for a bounded part of it.
func (c *Calls) sweepLocked() {
	now := time.Now()
	for identity, who := range c.callers {
		if who.calls == 0 && (who.rate == nil || who.rate.TokensAt(now) >= float64(who.rate.Burst())) {
			delete(c.callers, identity)
		}
	}
	c.sweepAt = max(leastSweep, 2*len(c.callers))
}
