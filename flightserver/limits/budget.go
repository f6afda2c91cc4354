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
	return &Budget{size: size, wait: wait, metrics: &m.budgetMetrics, held: map[string]int64{}}
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

func (b *Budget) take(ctx context.Context, identity string, n int64) error {
	b.mu.Lock()
	if len(b.waiting) == 0 && b.used+n <= b.size {
		b.grantLocked(identity, n)
		b.mu.Unlock()
		return nil
	}
	w := &waiter{identity: identity, bytes: n, answer: make(chan error, 1)}
	b.waiting = append(b.waiting, w)
	if len(b.waiting) > maxWaiting {
		b.refuseLocked(b.lastLocked(), "the queue is full")
	}
	b.metrics.waiting.Set(float64(len(b.waiting)))
	b.mu.Unlock()
	return b.await(ctx, w)
}

func (b *Budget) await(ctx context.Context, w *waiter) error {
	timeout := time.NewTimer(b.wait)
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

func (b *Budget) give(identity string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	b.held[identity] -= n
	if b.held[identity] == 0 {
		delete(b.held, identity)
	}
	b.metrics.used.Set(float64(b.used))
	b.admitLocked()
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
	b.metrics.used.Set(float64(b.used))
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
			break
		}
	}
	b.metrics.waiting.Set(float64(len(b.waiting)))
}

func (b *Budget) refusal(why string) error {
	b.metrics.refused.Inc()
	return fmt.Errorf("%w, the limit inFlight is %s: %s", ErrNoMemory, humanize.IBytes(uint64(b.size)), why)
}
