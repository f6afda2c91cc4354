package main

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// pause is between two calls of one loop: a machine may run many probes.
const pause = 50 * time.Millisecond

// counts is what the test reads.
type counts struct {
	Requests int            `json:"requests"` // that came to an end, well or not
	Retried  map[string]int `json:"retried"`  // by what the first try met
	Failed   map[string]int `json:"failed"`   // by what the last try met
	Leaves   map[string]int `json:"leaves"`   // handshakes by the server's certificate
	Roots    map[string]int `json:"roots"`    // handshakes by who vouched for it
}

// tally is kept by several loops at once.
type tally struct {
	mu     sync.Mutex
	counts counts
}

func newTally() *tally {
	return &tally{counts: counts{
		Retried: map[string]int{}, Failed: map[string]int{}, Leaves: map[string]int{}, Roots: map[string]int{},
	}}
}

func (t *tally) snapshot() counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts
	for _, m := range []*map[string]int{&c.Retried, &c.Failed, &c.Leaves, &c.Roots} {
		*m = maps.Clone(*m)
	}
	return c
}

// repeat makes a call again and again. A connection may end while a call is on
// its way: then, and only then, it is tried once more.
func (t *tally) repeat(ctx context.Context, what string, call func(context.Context) error) {
	for ctx.Err() == nil {
		first := call(ctx)
		last := first
		if connectionEnded(first) {
			last = call(ctx)
		}
		if ctx.Err() != nil {
			return // it was broken off by ourselves
		}
		t.add(what, first, last)
		time.Sleep(pause)
	}
}

// connectionEnded tells a client's own UNAVAILABLE from that of a server, which
// says why in its details.
func connectionEnded(err error) bool {
	s := status.Convert(err)
	return s.Code() == codes.Unavailable && len(s.Details()) == 0
}

func (t *tally) add(what string, first, last error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Requests++
	if connectionEnded(first) {
		t.counts.Retried[fmt.Sprintf("%s: %v", what, first)]++
	}
	if last != nil {
		t.counts.Failed[fmt.Sprintf("%s: %v", what, last)]++
	}
}

func (t *tally) met(leaf, root string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Leaves[leaf]++
	t.counts.Roots[root]++
}
