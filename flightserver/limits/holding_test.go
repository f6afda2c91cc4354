package limits

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

const testWait = 10 * time.Second

// reader gives a holding of a part of ten bytes of twenty.
func reader() (h *Holding, part, whole *Budget) {
	whole = NewBudget(20, testWait, testMetrics())
	part = whole.Part(10, "tests")
	h = part.Holding("reader", 2)
	return h, part, whole
}

// wantUsed checks what the reader has of a budget.
func wantUsed(t *testing.T, b *Budget, want int64) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if all := b.used - b.held["other"]; all != want || b.held["reader"] != want {
		t.Errorf("%d bytes are used, %d by the reader, want %d", all, b.held["reader"], want)
	}
}

func TestHolding(t *testing.T) {
	cases := map[string]struct {
		reason string
		run    func(context.Context, *Holding) error
		used   int64
	}{
		"Reserved": {"room counts before there is anything in it", func(ctx context.Context, h *Holding) error {
			return h.Reserve(ctx, 4)
		}, 4},
		"Held": {"what is held lies in the room", func(ctx context.Context, h *Holding) error {
			err := h.Reserve(ctx, 4)
			h.Add(3)
			return err
		}, 4},
		"More": {"what is there counts, whoever foresaw it", func(ctx context.Context, h *Holding) error {
			err := h.Reserve(ctx, 4)
			h.Add(6)
			return err
		}, 6},
		"Kept": {"the next step needs it again", func(ctx context.Context, h *Holding) error {
			err := h.Reserve(ctx, 4)
			h.Add(6)
			h.Add(-5)
			return err
		}, 6},
		"Least": {"what follows may be more", func(ctx context.Context, h *Holding) error {
			return h.Reserve(ctx, 1)
		}, 2},
		"Nothing": {"what needs no room does not wait for any", func(ctx context.Context, h *Holding) error {
			return h.Reserve(ctx, 0)
		}, 0},
		"Begun": {"who has begun need not wait again", func(ctx context.Context, h *Holding) error {
			err := h.Reserve(ctx, 6)
			h.Add(6)
			h.Add(-6)
			h.budget.charge("other", 4)
			return errors.Join(err, h.Reserve(ctx, 6))
		}, 6},
		"Larger": {"who holds nothing may wait", func(ctx context.Context, h *Holding) error {
			err := h.Reserve(ctx, 4)
			h.Add(4)
			h.Add(-4)
			return errors.Join(err, h.Reserve(ctx, 9))
		}, 9},
		"GetsOn": {"to wait for others that wait for it would be for ever", func(ctx context.Context, h *Holding) error {
			h.Add(9)
			return h.Reserve(ctx, 100)
		}, 10},
		"Huge": {"more than all there is is better dealt with alone than never", func(ctx context.Context, h *Holding) error {
			err := h.Reserve(ctx, 100)
			h.Add(100)
			return err
		}, 10},
		"Closed": {"what is not let go is garbage", func(ctx context.Context, h *Holding) error {
			err := h.Reserve(ctx, 8)
			h.Add(5)
			h.Close()
			h.Add(3)
			h.Add(-1)
			return err
		}, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h, part, whole := reader()
			if err := tc.run(t.Context(), h); err != nil {
				t.Errorf("Reserve() = %v: %s", err, tc.reason)
			}
			wantUsed(t, part, tc.used)
			wantUsed(t, whole, tc.used)
		})
	}
}

func TestAHoldingWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, part, whole := reader()
		other := part.Holding("other", 0)
		other.Add(8)
		go func() {
			time.Sleep(testWait / 2)
			other.Close()
		}()
		if err := h.Reserve(t.Context(), 4); err != nil {
			t.Errorf("Reserve() = %v", err)
		}
		wantUsed(t, part, 4)
		wantUsed(t, whole, 4)
	})
}

func TestAHoldingIsRefused(t *testing.T) {
	cases := map[string]struct {
		reason string
		fill   func(part, whole *Budget)
		gone   bool // the call has ended
		want   error
	}{
		"Part":  {"readers have a part of it", func(part, _ *Budget) { part.charge("other", 8) }, false, ErrNoMemory},
		"Whole": {"the part was there, and is given back", func(_, whole *Budget) { whole.charge("other", 18) }, false, ErrNoMemory},
		"Gone":  {"nobody is there to wait", func(part, _ *Budget) { part.charge("other", 8) }, true, context.Canceled},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tc.gone {
					cancel()
				}
				h, part, whole := reader()
				tc.fill(part, whole)
				if err := h.Reserve(ctx, 4); !errors.Is(err, tc.want) {
					t.Errorf("Reserve() = %v: %s", err, tc.reason)
				}
				wantUsed(t, part, 0)
				wantUsed(t, whole, 0)
			})
		})
	}
}

// TestAPartIsInNobodysWay has others take of the whole what the part may not
// have.
func TestAPartIsInNobodysWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, part, whole := reader()
		part.charge("other", 10)
		go func() { _ = h.Reserve(t.Context(), 4) }()
		synctest.Wait() // it is in the line
		release, err := whole.Acquire(t.Context(), "writer", 10)
		if err != nil {
			t.Fatal(err)
		}
		release()
		time.Sleep(testWait)
	})
}
