package limits

import (
	"context"
	"sync"
)

// Holding is what one stream has of a budget. One goroutine reserves; any number
// of them may add.
//
// A stream that holds nothing waits for room. One that holds something gets on:
// what it has keeps others waiting, so that all might wait for each other. For
// the same reason it keeps room that it had once until it holds nothing.
type Holding struct {
	budget   *Budget
	identity string

	mu     sync.Mutex
	held   int64
	room   int64 // taken of the budget
	closed bool
}

// Holding gives a holding of nothing.
func (b *Budget) Holding(identity string) *Holding {
	return &Holding{budget: b, identity: identity}
}

// Reserve makes room for n bytes more than are held. More than the budget has is
// granted as all that it has. The error is as that of Acquire.
func (h *Holding) Reserve(ctx context.Context, n int64) error {
	h.mu.Lock()
	if h.held > 0 {
		h.growLocked(h.held + n)
		h.mu.Unlock()
		return nil
	}
	h.shrinkLocked(0)
	h.mu.Unlock()
	n = min(n, h.budget.size)
	if n == 0 {
		return nil
	}
	if err := h.budget.take(ctx, h.identity, n); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.room += n
	return nil
}

// Add counts bytes that are held from now on or, if they are fewer than none, no
// longer. They are there already, so this does not wait where they are more than
// was reserved.
func (h *Holding) Add(n int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held += n
	h.growLocked(h.held)
}

// Close gives back everything, also what a decoder has forgotten to let go: that
// is garbage. What is added later is not counted.
func (h *Holding) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.shrinkLocked(0)
}

func (h *Holding) growLocked(to int64) {
	if to = min(to, h.budget.size); to > h.room && !h.closed {
		h.budget.charge(h.identity, to-h.room)
		h.room = to
	}
}

func (h *Holding) shrinkLocked(to int64) {
	if to < h.room {
		h.budget.give(h.identity, h.room-to)
		h.room = to
	}
}
