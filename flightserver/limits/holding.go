package limits

import (
	"context"
	"sync"
)

// Holding is what one stream has of a budget. One goroutine reserves; any number
// of them may add.
//
// A stream waits at its beginning, and has its room then until it is closed: one
// that has begun is not ended for others that want to begin. One that holds
// something gets on even where it needs more room. What it holds keeps others
// waiting, so that all might wait for each other.
type Holding struct {
	budget   *Budget
	identity string
	least    int64 // that is reserved

	mu     sync.Mutex
	held   int64
	room   int64 // taken of the budget
	closed bool
}

// Holding gives a holding of nothing, which reserves so many bytes at least: the
// first of what a stream needs may be less than what follows.
func (b *Budget) Holding(identity string, least int64) *Holding {
	return &Holding{budget: b, identity: identity, least: least}
}

// Reserve makes room for n bytes more than are held. More than the budget has is
// granted as all that it has. The error is as that of Acquire.
func (h *Holding) Reserve(ctx context.Context, n int64) error {
	if h.hasRoom(n) {
		return nil
	}
	n = min(max(n, h.least), h.budget.size)
	if err := h.budget.take(ctx, h.identity, n); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.room += n
	return nil
}

// hasRoom has who is to wait give back what it has: it waits for all of its room.
func (h *Holding) hasRoom(n int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held > 0 {
		h.growLocked(h.held + n)
		return true
	}
	if n <= h.room {
		return true
	}
	h.giveLocked()
	return false
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
	h.giveLocked()
}

func (h *Holding) growLocked(to int64) {
	if to = min(to, h.budget.size); to > h.room && !h.closed {
		h.budget.charge(h.identity, to-h.room)
		h.room = to
	}
}

func (h *Holding) giveLocked() {
	h.budget.give(h.identity, h.room)
	h.room = 0
}
