package limits

import (
	"fmt"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
)

// leastHeld is less than anybody is ended for.
const leastHeld = 64 << 10

// Backlog is the memory of messages that clients have sent the beginning of. Any
// number of goroutines may use it.
//
// Who fills it is slow, and would keep others waiting for longer than they may.
// So nobody waits: where there is too much, those are ended that have been at a
// message for longer than the patience, and where there are none, who sends on.
type Backlog struct {
	size     int64
	patience time.Duration
	metrics  *budgetMetrics

	mu      sync.Mutex
	total   int64
	holders map[*Holder]bool // those with bytes
}

// Holder is one whom bytes are kept for.
type Holder struct {
	backlog *Backlog
	end     func(error)

	bytes int64 // under the backlog's mu, as is moved
	moved time.Time
}

// NewBacklog gives one of so many bytes.
func NewBacklog(size int64, patience time.Duration, m *Metrics) *Backlog {
	return &Backlog{size: size, patience: patience, metrics: &m.budgetMetrics, holders: map[*Holder]bool{}}
}

// Holder gives a holder of nothing. It is ended by a function that may be called
// more than once, with an error that is ErrNoMemory.
func (b *Backlog) Holder(end func(error)) *Holder { return &Holder{backlog: b, end: end} }

// Add counts bytes that are kept from now on.
func (h *Holder) Add(n int64) {
	for _, each := range h.backlog.add(h, n) {
		h.backlog.metrics.refused.Inc()
		each.end(fmt.Errorf("%w, and the beginnings of messages take %s of it: send faster, or smaller batches",
			ErrNoMemory, humanize.IBytes(uint64(h.backlog.size))))
	}
}

// Done counts bytes that are kept no longer. More than there are is all.
func (h *Holder) Done(n int64) {
	h.backlog.mu.Lock()
	defer h.backlog.mu.Unlock()
	h.moved = time.Now()
	h.backlog.takeLocked(h, min(n, h.bytes))
}

func (b *Backlog) add(h *Holder, n int64) (ended []*Holder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h.bytes == 0 {
		h.moved = time.Now()
		b.holders[h] = true
	}
	h.bytes += n
	b.total += n
	for b.total > b.size && len(b.holders) > 1 {
		slowest := b.slowestLocked()
		if time.Since(slowest.moved) < b.patience {
			slowest = h
		}
		b.takeLocked(slowest, slowest.bytes) // of no use to it any more
		ended = append(ended, slowest)
		if slowest == h {
			break
		}
	}
	return ended
}

func (b *Backlog) takeLocked(h *Holder, n int64) {
	h.bytes -= n
	b.total -= n
	if h.bytes == 0 {
		delete(b.holders, h)
	}
}

// slowestLocked gives who has not moved for longest. There is somebody, whoever
// holds little at worst.
func (b *Backlog) slowestLocked() *Holder {
	var slowest *Holder
	for h := range b.holders {
		if slowest == nil || h.worseThan(slowest) {
			slowest = h
		}
	}
	return slowest
}

func (h *Holder) worseThan(o *Holder) bool {
	if much, other := h.bytes >= leastHeld, o.bytes >= leastHeld; much != other {
		return much
	}
	return h.moved.Before(o.moved)
}
