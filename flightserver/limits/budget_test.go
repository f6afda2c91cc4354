package limits

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// line lets requests queue up at a budget and tells the order in which they were
// granted.
type line struct {
	t       *testing.T
	budget  *Budget
	waiting sync.WaitGroup

	mu       sync.Mutex
	granted  []string
	refused  []string
	releases map[string]func()
}

func newLine(t *testing.T, size int64) *line {
	return &line{t: t, budget: NewBudget(size, time.Minute, testMetrics()), releases: map[string]func(){}}
}

// ask lets a request of an identity wait; it returns when the request does.
func (l *line) ask(ctx context.Context, identity, label string, n int64) {
	l.waiting.Go(func() {
		release, err := l.budget.Acquire(ctx, identity, n)
		l.mu.Lock()
		defer l.mu.Unlock()
		if err != nil {
			l.refused = append(l.refused, label)
			return
		}
		l.granted = append(l.granted, label)
		l.releases[label] = release
	})
	synctest.Wait()
}

func (l *line) release(label string) {
	l.t.Helper()
	l.mu.Lock()
	release := l.releases[label]
	l.mu.Unlock()
	if release == nil {
		l.t.Fatalf("%s was not granted", label)
	}
	release()
	synctest.Wait()
}

func (l *line) want(granted ...string) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.granted, granted) {
		l.t.Errorf("granted %v, want %v", l.granted, granted)
	}
}

func (l *line) wantRefused(refused ...string) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.refused, refused) {
		l.t.Errorf("refused %v, want %v", l.refused, refused)
	}
}

func TestWhoHoldsLessGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 10)
		l.ask(t.Context(), "greedy", "g1", 5)
		l.ask(t.Context(), "greedy", "g2", 5)
		l.ask(t.Context(), "greedy", "g3", 5)
		l.ask(t.Context(), "modest", "m1", 5)
		l.release("g1")
		l.want("g1", "g2", "m1")
		l.release("g2")
		l.want("g1", "g2", "m1", "g3")
		l.waiting.Wait()
	})
}

func TestEqualsGoInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1)
		for _, label := range []string{"a", "b", "c"} {
			l.ask(t.Context(), label, label, 1)
		}
		l.release("a")
		l.release("b")
		l.want("a", "b", "c")
		l.waiting.Wait()
	})
}

func TestALargeRequestIsNotOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 10)
		l.ask(t.Context(), "a", "small", 4)
		l.ask(t.Context(), "b", "large", 9)
		l.ask(t.Context(), "c", "fits", 2)
		l.want("small")
		l.release("small")
		l.want("small", "large")
		l.release("large")
		l.want("small", "large", "fits")
		l.waiting.Wait()
	})
}

func TestMoreThanAllIsGrantedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 10)
		l.ask(t.Context(), "a", "huge", 1000)
		l.ask(t.Context(), "b", "next", 1)
		l.want("huge")
		l.release("huge")
		l.want("huge", "next")
		l.waiting.Wait()
	})
}

func TestNobodyWaitsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(1, time.Minute, testMetrics())
		release, err := b.Acquire(t.Context(), "a", 1)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		start := time.Now()
		if _, err := b.Acquire(t.Context(), "b", 1); !errors.Is(err, ErrNoMemory) {
			t.Errorf("error = %v", err)
		}
		if waited := time.Since(start); waited != time.Minute {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestWhoLeavesLetsOthersIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 10)
		ctx, cancel := context.WithCancel(t.Context())
		l.ask(t.Context(), "a", "a", 5)
		l.ask(ctx, "b", "gone", 6)
		l.ask(t.Context(), "c", "c", 5)
		l.want("a")
		cancel()
		synctest.Wait()
		l.want("a", "c")
		l.waiting.Wait()
	})
}

func TestAFullQueueRefusesTheGreedy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, 1)
		l.ask(t.Context(), "first", "first", 1)
		for i := range maxWaiting {
			l.ask(t.Context(), "greedy", "g"+strconv.Itoa(i), 1)
		}
		l.ask(t.Context(), "modest", "modest", 1)
		l.wantRefused("g" + strconv.Itoa(maxWaiting-1))
		l.waiting.Wait() // until all but the first have waited long enough
	})
}

// TestUsedNeverExceedsTheSize releases twice, since a handler's defer may come
// behind a release on its way.
func TestUsedNeverExceedsTheSize(t *testing.T) {
	const size = 100
	b := NewBudget(size, time.Minute, testMetrics())
	var (
		workers sync.WaitGroup
		mu      sync.Mutex
		taken   int64
	)
	count := func(n int64) {
		mu.Lock()
		defer mu.Unlock()
		if taken += n; taken > size {
			t.Errorf("%d are taken of %d", taken, size)
		}
	}
	for id := range 8 {
		workers.Go(func() {
			for range 500 {
				n := rand.Int64N(size + 1)
				release, err := b.Acquire(t.Context(), strconv.Itoa(id%3), n)
				if err != nil {
					t.Error(err)
					return
				}
				count(n)
				count(-n)
				release()
				release()
			}
		})
	}
	workers.Wait()
	if b.used != 0 || len(b.held) != 0 || len(b.waiting) != 0 {
		t.Errorf("used %d, held %v, waiting %d at the end", b.used, b.held, len(b.waiting))
	}
}
