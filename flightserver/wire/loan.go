package wire

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"google.golang.org/grpc/mem"
)

// lentBytes is the least that is worth a loan: gRPC gives no word when it is
// done with buffers of a kibibyte, and copying a few costs less than to know
// whose they are.
const lentBytes = 4 << 10

// loan is the body of one message while gRPC and connections refer to it.
type loan struct {
	memory Memory // nil: it is collected
	pieces [][]byte
	refs   atomic.Int64 // a lease's, and those of connections
}

// lease is gRPC's part of a loan: its buffers know nothing else of it. Of a
// stream that ends early gRPC drops some and does not free them. So the loan ends
// as well when the collector finds its lease.
type lease struct {
	loan  *loan
	left  atomic.Int64 // pieces that were not freed
	found runtime.Cleanup
}

// lend gives out the pieces of a body, in the places that a message has for them.
func lend(memory Memory, pieces [][]byte, message mem.BufferSlice) {
	if memory != nil {
		memory.Retain()
	}
	l := &loan{memory: memory, pieces: pieces}
	l.refs.Store(1)
	lent.add(l)
	to := &lease{loan: l}
	to.left.Store(int64(len(pieces)))
	to.found = runtime.AddCleanup(to, (*loan).release, l)
	next := 0
	for i, b := range message {
		if b == nil {
			message[i] = mem.NewBuffer(&pieces[next], to)
			next++
		}
	}
}

// Get belongs to a pool of buffers. gRPC takes none from a lease.
func (l *lease) Get(n int) *[]byte { b := make([]byte, n); return &b }

// Put takes a piece back from gRPC.
func (l *lease) Put(*[]byte) {
	if l.left.Add(-1) == 0 {
		l.found.Stop()
		l.loan.release()
	}
}

// retain fails when all was given back meanwhile.
func (l *loan) retain() bool {
	for {
		n := l.refs.Load()
		if n == 0 {
			return false
		}
		if l.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (l *loan) release() {
	if l.refs.Add(-1) > 0 {
		return
	}
	lent.remove(l) // first: what is found there is there
	if l.memory != nil {
		l.memory.Release()
	}
}

// lent knows whose the bytes are that gRPC writes to a connection: it hands
// them on by reference, and without a word of where they come from.
var lent loans

// loans finds a loan by address. Finding takes no lock.
type loans struct {
	mu    sync.Mutex // for those who change it
	spans atomic.Pointer[[]span]
}

// span is where a piece lies. What the loan refers to does not move.
type span struct {
	start, end uintptr
	loan       *loan
}

func spanOf(b []byte) span {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b))) //nolint:gosec // an address to compare, never to follow
	return span{start: start, end: start + uintptr(len(b))}
}

func (s span) compare(o span) int {
	return cmp.Or(cmp.Compare(s.start, o.start), cmp.Compare(s.end, o.end))
}

func (r *loans) load() []span {
	if spans := r.spans.Load(); spans != nil {
		return *spans
	}
	return nil
}

// find gives the loan that b lies in, retained; nil when there is none. Bytes
// that were lent more than once may be found in any of the loans.
func (r *loans) find(b []byte) *loan {
	spans := r.load()
	if len(spans) == 0 {
		return nil
	}
	s := spanOf(b)
	i, _ := slices.BinarySearchFunc(spans, s.start, func(at span, start uintptr) int {
		if at.start <= start {
			return -1
		}
		return 1
	})
	if i == 0 || spans[i-1].end < s.end || !spans[i-1].loan.retain() {
		return nil
	}
	return spans[i-1].loan
}

func (r *loans) add(l *loan) {
	added := make([]span, len(l.pieces))
	for i, piece := range l.pieces {
		added[i] = spanOf(piece)
		added[i].loan = l
	}
	slices.SortFunc(added, span.compare)
	r.mu.Lock()
	defer r.mu.Unlock()
	spans := merge(r.load(), added)
	r.spans.Store(&spans)
}

func (r *loans) remove(l *loan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	spans := slices.DeleteFunc(slices.Clone(r.load()), func(s span) bool { return s.loan == l })
	r.spans.Store(&spans)
}

// merge makes one sorted slice of two.
func merge(a, b []span) []span {
	out := make([]span, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].compare(b[0]) <= 0 {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}
