package transport

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc/mem"
)

// Windows for what clients send, RFC 9113, section 5.2.
const (
	firstWindow = 1<<16 - 1 // what HTTP/2 begins with, of connections and calls
	mostWindow  = 4 << 20   // of a call
	// connectionWindow is given back at once: a call that nobody reads must not
	// keep others from being read.
	connectionWindow = 16 << 20

	// A client that fills half of a window in this time would fill a larger one.
	quickFill = 100 * time.Millisecond
)

// inbox is what has come of a call and was not taken yet.
type inbox struct {
	arrived chan struct{} // full: look again

	mu      sync.Mutex
	buffers mem.BufferSlice
	size    int
	wanted  int   // of size, by who waits: more than one piece is worth waking for
	err     error // what stands behind the last byte; nil: more may come
	window  int   // bytes that may come
	full    int   // of the window, when all is taken
	owed    int   // bytes that were taken and not given back
	given   time.Time
}

func newInbox() inbox {
	return inbox{arrived: make(chan struct{}, 1), window: firstWindow, full: firstWindow, given: time.Now()}
}

var (
	errWindow = errors.New("more data than the window allows")
	errClosed = errors.New("data behind the end of the call's messages")
)

// admit is for data that are about to come, with those that are padding, which is
// given back at once.
func (b *inbox) admit(data, padding int) (update int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.err != nil:
		return 0, errClosed
	case data+padding > b.window:
		return 0, errWindow
	}
	b.window -= data + padding
	return b.giveLocked(padding), nil
}

// put takes a buffer, and frees it where nobody wants it any more.
func (b *inbox) put(data mem.Buffer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		data.Free()
		return
	}
	b.size += data.Len()
	if !b.joinLocked(data) {
		b.buffers = append(b.buffers, data)
	}
	if b.size >= b.wanted {
		b.notify()
	}
}

// joinLocked puts what was copied behind what was copied before: a byte in a
// buffer of its own would cost many. Whoever took the beginning of the last
// buffer does not see what is behind its end.
func (b *inbox) joinLocked(data mem.Buffer) bool {
	end := len(b.buffers) - 1
	if end < 0 || b.buffers[end].Len() >= copiedBytes {
		return false
	}
	last, copied := b.buffers[end].(mem.SliceBuffer)
	more, too := data.(mem.SliceBuffer)
	if !copied || !too {
		return false
	}
	b.buffers[end] = append(last, more...)
	return true
}

// end is told that no more comes: io.EOF, or why. The first word holds.
func (b *inbox) end(err error) (first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return false
	}
	b.err = err
	b.notify()
	return true
}

// over tells whether the client has said all.
func (b *inbox) over() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err != nil
}

func (b *inbox) notify() {
	select {
	case b.arrived <- struct{}{}:
	default:
	}
}

// discard frees what nobody took.
func (b *inbox) discard() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = io.ErrUnexpectedEOF
	}
	b.buffers.Free()
	b.buffers, b.size = nil, 0
}

// take waits for n bytes and gives them, as they lie. The window is opened by
// update while it waits: a message may be larger. The error is the inbox's where
// it ends before, io.ErrUnexpectedEOF for io.EOF in the middle.
func (b *inbox) take(ctx context.Context, n int, update func(bytes int)) (out mem.BufferSlice, err error) {
	for left := n; left > 0; {
		taken, owed, err := b.grab(left, &out)
		if owed > 0 {
			update(owed)
		}
		if taken == 0 && err == nil {
			err = b.wait(ctx)
		}
		if err != nil {
			out.Free()
			if errors.Is(err, io.EOF) && left < n {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		left -= taken
	}
	return out, nil
}

func (b *inbox) wait(ctx context.Context) error {
	select {
	case <-b.arrived:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// grab moves at most n bytes.
func (b *inbox) grab(n int, to *mem.BufferSlice) (taken, update int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size == 0 {
		b.wanted = min(n, b.full/4) // of the window more than half is open
		return 0, 0, b.err
	}
	for taken < n && len(b.buffers) > 0 {
		first := b.buffers[0]
		if room := n - taken; first.Len() > room {
			first, b.buffers[0] = mem.SplitUnsafe(first, room)
		} else {
			b.buffers[0] = nil
			b.buffers = b.buffers[1:]
		}
		taken += first.Len()
		*to = append(*to, first)
	}
	b.size -= taken
	return taken, b.giveLocked(taken), nil
}

// giveLocked gives bytes of the window back, once there are enough of them.
func (b *inbox) giveLocked(n int) (update int) {
	b.owed += n
	if b.owed < b.full/2 || b.err != nil {
		return 0
	}
	now := time.Now()
	if now.Sub(b.given) < quickFill && b.full < mostWindow {
		b.owed += b.full
		b.full *= 2
	}
	b.given = now
	update, b.owed = b.owed, 0
	b.window += update
	return update
}
