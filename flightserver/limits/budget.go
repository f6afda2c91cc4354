package limits

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
)

// maxWaiting bounds the queue of a Budget: more than wait in any healthy server,
// few enough to look through at each release.
const maxWaiting = 1024

// Budget is the memory for data on its way, in bytes. Any number of goroutines
// may use it.
//
// Where there is not enough for all, whoever holds least goes first, and among
// equals whoever came first. Nobody overtakes the first in line because it asks
// for less, so that a large request is not kept waiting by small ones.
type Budget struct {
	size    int64
	wait    time.Duration
	metrics *budgetMetrics
	limit   string  // as refusals name it
	whole   *Budget // that this is a part of; nil: none

	// A request waits only while it does not fit; so there is room again only
	// by a release, which lets in who then fits.
	mu      sync.Mutex
	used    int64
	held    map[string]int64 // by identity, without zeros
	waiting []*waiter        // in order of arrival
}

type waiter struct {
	identity string
	bytes    int64
	answer   chan error // takes one
}

// NewBudget gives a budget of so many bytes, in which nobody waits for longer
// than wait.
func NewBudget(size int64, wait time.Duration, m *Metrics) *Budget {
	m.budgetSize.Set(float64(size))
	return &Budget{
		size: size, wait: wait, metrics: &m.budgetMetrics, held: map[string]int64{},
		limit: "the limit inFlight is " + humanize.IBytes(uint64(size)),
	}
}

// Part gives a budget of so many bytes of this one's, for what refusals call
// what: what it grants counts in both.
func (b *Budget) Part(size int64, what string) *Budget {
	return &Budget{
		size: size, wait: b.wait, metrics: b.metrics, held: map[string]int64{}, whole: b,
		limit: fmt.Sprintf("of the limit inFlight %s are for %s", humanize.IBytes(uint64(size)), what),
	}
}

// Size is the whole of the budget, and the most that one request takes of it.
func (b *Budget) Size() int64 { return b.size }

// Acquire takes n bytes until release is called, as often as one likes. More
// than there is in all is granted as all there is: what has come already is
// better dealt with alone than never. The error is ErrNoMemory or that of ctx.
func (b *Budget) Acquire(ctx context.Context, identity string, n int64) (release func(), err error) {
	n = min(n, b.size)
	if err := b.take(ctx, identity, n); err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() { b.give(identity, n) }), nil
}

// take takes of a part before it takes of the whole: whoever waits for a part
// is in nobody's way.
func (b *Budget) take(ctx context.Context, identity string, n int64) error {
	return b.takeUntil(ctx, identity, n, time.Now().Add(b.wait))
}

func (b *Budget) takeUntil(ctx context.Context, identity string, n int64, end time.Time) error {
	if err := b.takeOwn(ctx, identity, n, end); err != nil || b.whole == nil {
		return err
	}
	err := b.whole.takeUntil(ctx, identity, n, end)
	if err != nil {
		b.giveOwn(identity, n)
	}
	return err
}

func (b *Budget) takeOwn(ctx context.Context, identity string, n int64, end time.Time) error {
	b.mu.Lock()
	if len(b.waiting) == 0 && b.used+n <= b.size {
		b.grantLocked(identity, n)
		b.mu.Unlock()
		return nil
	}
	w := &waiter{identity: identity, bytes: n, answer: make(chan error, 1)}
	b.waiting = append(b.waiting, w)
	b.metrics.waiting.Inc()
	if len(b.waiting) > maxWaiting {
		b.refuseLocked(b.lastLocked(), "the queue is full")
	}
	b.mu.Unlock()
	return b.await(ctx, w, end)
}

func (b *Budget) await(ctx context.Context, w *waiter, end time.Time) error {
	timeout := time.NewTimer(time.Until(end))
	defer timeout.Stop()
	select {
	case err := <-w.answer:
		return err
	case <-timeout.C:
		return b.leave(w, func() error {
			return b.refusal(fmt.Sprintf("waited %s for %s", b.wait, humanize.IBytes(uint64(w.bytes))))
		})
	case <-ctx.Done():
		return b.leave(w, ctx.Err)
	}
}

// leave takes a waiter out of the queue, unless its answer came first.
func (b *Budget) leave(w *waiter, why func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case err := <-w.answer:
		return err
	default:
	}
	b.removeLocked(w)
	b.admitLocked() // those behind w may fit where w did not
	return why()
}

// charge takes n bytes whether they are there or not.
func (b *Budget) charge(identity string, n int64) {
	b.mu.Lock()
	b.grantLocked(identity, n)
	b.mu.Unlock()
	if b.whole != nil {
		b.whole.charge(identity, n)
	}
}

// give gives back what was taken.
func (b *Budget) give(identity string, n int64) {
	b.giveOwn(identity, n)
	if b.whole != nil {
		b.whole.give(identity, n)
	}
}

func (b *Budget) giveOwn(identity string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	b.held[identity] -= n
	if b.held[identity] == 0 {
		delete(b.held, identity)
	}
	b.showLocked()
	b.admitLocked()
}

// showLocked leaves the metric to the whole, in which a part is counted.
func (b *Budget) showLocked() {
	if b.whole == nil {
		b.metrics.used.Set(float64(b.used))
	}
}

// admitLocked grants what fits, by rank.
func (b *Budget) admitLocked() {
	for len(b.waiting) > 0 {
		w := b.firstLocked()
		if b.used+w.bytes > b.size {
			return
		}
		b.removeLocked(w)
		b.grantLocked(w.identity, w.bytes)
		w.answer <- nil
	}
}

func (b *Budget) grantLocked(identity string, n int64) {
	b.used += n
	if n > 0 {
		b.held[identity] += n
	}
	b.showLocked()
}

// firstLocked gives the waiter whose identity holds least.
func (b *Budget) firstLocked() *waiter {
	first := b.waiting[0]
	for _, w := range b.waiting[1:] {
		if b.held[w.identity] < b.held[first.identity] {
			first = w
		}
	}
	return first
}

// lastLocked gives the newest waiter of the identity that holds and asks for
// most: a full queue is full of its requests.
func (b *Budget) lastLocked() *waiter {
	asked := make(map[string]int64, len(b.held))
	for _, w := range b.waiting {
		asked[w.identity] += w.bytes
	}
	last := b.waiting[0]
	for _, w := range b.waiting[1:] {
		if b.held[w.identity]+asked[w.identity] >= b.held[last.identity]+asked[last.identity] {
			last = w
		}
	}
	return last
}

func (b *Budget) refuseLocked(w *waiter, why string) {
	b.removeLocked(w)
	w.answer <- b.refusal(why)
}

func (b *Budget) removeLocked(w *waiter) {
	for i := range b.waiting {
		if b.waiting[i] == w {
			b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
			b.metrics.waiting.Dec()
			return
		}
	}
}

func (b *Budget) refusal(why string) error {
	b.metrics.refused.Inc()
	return fmt.Errorf("%w, %s: %s", ErrNoMemory, b.limit, why)
}
