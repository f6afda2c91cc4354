package limits

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Watch ends calls that no longer move: whose peer takes nothing of what is
// sent, or sends nothing of what is waited for. What has come of messages that
// are not whole it counts in a backlog.
type Watch struct {
	after   time.Duration // zero: never
	backlog *Backlog
	metrics *Metrics
}

// NewWatch ends calls that have not moved for so long; zero: never.
func NewWatch(after time.Duration, b *Backlog, m *Metrics) *Watch {
	return &Watch{after: after, backlog: b, metrics: m}
}

// Progress is one call under a Watch.
type Progress struct {
	watch      *Watch
	end        context.CancelCauseFunc
	connection *Connection // nil: not known

	// The timer runs while at least one operation waits for the peer. A call has
	// two at most: it sends and receives.
	mu      sync.Mutex
	waiting int
	timer   *time.Timer
}

// Begin gives a context that ends when the call no longer moves, with a cause
// that is ErrStalled, or with ErrNoMemory. The connection may be nil. Stop is to be called at the
// call's end.
func (w *Watch) Begin(ctx context.Context, on *Connection) (context.Context, *Progress) {
	ctx, end := context.WithCancelCause(ctx)
	on.move()
	return ctx, &Progress{watch: w, end: end, connection: on}
}

// Wait runs an operation that waits for the peer. One that succeeds is a move.
func (p *Progress) Wait(operation func() error) error {
	p.enter()
	defer p.leave()
	err := operation()
	if err == nil {
		p.connection.move()
	}
	return err
}

// Receive is Wait for an operation that receives a message and tells its bytes.
func (p *Progress) Receive(operation func() (bytes int, err error)) error {
	var bytes int
	p.connection.beginReceive(p)
	defer func() { p.connection.endReceive(p, bytes) }()
	return p.Wait(func() (err error) {
		bytes, err = operation()
		return err
	})
}

// Stop ends the context.
func (p *Progress) Stop() { p.end(nil) }

func (p *Progress) enter() {
	if p.watch.after == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting++
	if p.waiting == 1 {
		p.start()
	}
}

func (p *Progress) leave() {
	if p.watch.after == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting--
	p.timer.Stop()
	if p.waiting > 0 {
		p.start() // the other operation has as long again
	}
}

func (p *Progress) start() {
	if p.timer == nil {
		p.timer = time.AfterFunc(p.watch.after, p.stalled)
		return
	}
	p.timer.Reset(p.watch.after)
}

func (p *Progress) stalled() {
	p.watch.metrics.stalled.Inc()
	p.connection.doom(p.watch.after)
	p.end(fmt.Errorf("%w: the client took or sent nothing for %s, the limit stall", ErrStalled, p.watch.after))
}
