package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

var errTooManyPolls = errors.New("too many polls at once, try again")

// Bounds of the evaluations behind PollFlightInfo.
const (
	pollLife     = 10 * time.Minute
	maxPolls     = 1024 // known, also such as are done
	maxRunning   = 16
	maxRunningOf = 4 // of one caller
)

// polls are the evaluations that clients poll, by id. They are this server's:
// another begins anew.
type polls struct {
	clock clock.PassiveClock
	ctx   context.Context    //nolint:containedctx // of evaluations, which outlive the calls that begin them
	stop  context.CancelFunc // ends all of them

	mu struct {
		sync.Mutex
		known map[string]*evaluation
	}
}

func newPolls(now clock.PassiveClock) *polls {
	p := &polls{clock: now}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.mu.known = map[string]*evaluation{}
	return p
}

// begin admits an evaluation, which is the caller's to run.
func (p *polls) begin(of plan, descriptor *flight.FlightDescriptor, owner string) (*evaluation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgetLocked()
	running, own := 0, 0
	for _, e := range p.mu.known {
		if !e.now().done {
			running++
			if e.owner == owner {
				own++
			}
		}
	}
	if running >= maxRunning || own >= maxRunningOf || len(p.mu.known) >= maxPolls {
		return nil, fmt.Errorf("%w: %d polls are being answered, %d of them yours", errTooManyPolls, running, own)
	}
	e := &evaluation{plan: of, descriptor: descriptor, owner: owner, expires: p.clock.Now().Add(pollLife)}
	e.ctx, e.cancel = context.WithTimeout(p.ctx, pollLife)
	e.mu.news = make(chan struct{})
	p.mu.known[of.id] = e
	return e, nil
}

// forgetLocked forgets what has expired.
func (p *polls) forgetLocked() {
	now := p.clock.Now()
	for id, e := range p.mu.known {
		if e.expires.Before(now) {
			e.cancel()
			delete(p.mu.known, id)
		}
	}
}

// find gives a caller's own evaluation; nil: there is none.
func (p *polls) find(id, owner string) *evaluation {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.mu.known[id]
	if e == nil || e.owner != owner || e.expires.Before(p.clock.Now()) {
		return nil
	}
	return e
}

// cancel ends a caller's own evaluation if it is running, and tells whether it
// did.
func (p *polls) cancel(id, owner string) bool {
	e := p.find(id, owner)
	if e == nil || e.now().done {
		return false
	}
	e.finish(errFlightCancelled)
	e.cancel()
	return true
}

// evaluation counts the rows of a plan.
type evaluation struct {
	plan       plan
	descriptor *flight.FlightDescriptor
	owner      string
	expires    time.Time
	ctx        context.Context //nolint:containedctx // it outlives the call that began it
	cancel     context.CancelFunc

	mu struct {
		sync.Mutex
		evaluated

		looked int64         // rows
		news   chan struct{} // closed when evaluated changes
	}
}

// evaluated is what an evaluation has come to.
type evaluated struct {
	rows     []int64 // of each span that was counted
	progress float64
	done     bool
	err      error
}

func (e *evaluation) run(c *catalog.Catalog, g *guards) {
	defer e.cancel()
	for _, each := range e.plan.spans() {
		rows, err := e.plan.count(e.ctx, g.decoding(e.ctx, e.owner), c, each, e.look)
		if err != nil {
			e.finish(fmt.Errorf("counting %q: %w", e.plan.query.Dataset, err))
			return
		}
		e.change(func(at *evaluated) { at.rows = append(at.rows, rows) })
	}
	e.finish(nil)
}

// look tells that records were read. It is no news: who polls waits for
// endpoints.
func (e *evaluation) look(rows int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.looked += rows
	e.mu.progress = min(float64(e.mu.looked)/float64(max(1, e.plan.dataset.Rows)), 0.99) // 1 is for the end
}

// finish ends the evaluation, unless it has ended.
func (e *evaluation) finish(err error) {
	e.change(func(at *evaluated) {
		if !at.done {
			at.done, at.err, at.progress = true, err, 1
		}
	})
}

func (e *evaluation) change(how func(*evaluated)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	how(&e.mu.evaluated)
	close(e.mu.news)
	e.mu.news = make(chan struct{})
}

func (e *evaluation) now() evaluated {
	at, _ := e.watch()
	return at
}

func (e *evaluation) watch() (evaluated, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := e.mu.evaluated
	at.rows = slices.Clone(at.rows)
	return at, e.mu.news
}

// wait gives what the evaluation has come to once there is more than the client
// has seen, or when it has waited long enough.
func (e *evaluation) wait(ctx context.Context, seen int) evaluated {
	ctx, cancel := context.WithTimeout(ctx, pollWait)
	defer cancel()
	for {
		at, news := e.watch()
		if at.done || len(at.rows) > seen {
			return at
		}
		select {
		case <-news:
		case <-ctx.Done():
			return at
		case <-e.ctx.Done():
			return e.now()
		}
	}
}
