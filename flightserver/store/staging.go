package store

import (
	"io"
	"sync"
	"unsafe"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// Sizes of what is gathered before it is written.
const (
	// firstStaging is enough for a small upload, which is written at its end.
	firstStaging = 64 << 10
	// stagingBytes has room for the largest message that is not a single row
	// behind flushBytes.
	stagingBytes = 8 << 20
	// flushBytes is a size that disks like.
	flushBytes = 4 << 20
)

// stagings are empty buffers of stagingBytes, on a page's boundary.
var stagings = sync.Pool{New: func() any {
	b := alignedBytes(stagingBytes)
	return &b
}}

// alignedBytes gives an empty slice on a page's boundary.
func alignedBytes(capacity int) []byte {
	b := make([]byte, capacity+vfs.PageBytes)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (vfs.PageBytes - 1) //nolint:gosec // nothing is reached by the address
	return b[skip : skip : skip+capacity]
}

// staging gathers what is appended to a file, and writes it in whole pages
// while it is filled again. One goroutine uses it, and ends it with close.
type staging struct {
	w       io.Writer
	filled  []byte // what is not handed to the disk yet
	before  int64  // what was
	spilled *spill // nil before the first flush
}

func newStaging(w io.Writer) *staging {
	return &staging{w: w, filled: alignedBytes(firstStaging)}
}

// offset is where in the file the next byte goes.
func (s *staging) offset() int64 { return s.before + int64(len(s.filled)) }

// room gives n bytes, which a call of advance makes a part of the file. They
// hold anything.
func (s *staging) room(n int) []byte {
	used := len(s.filled)
	if cap(s.filled)-used < n {
		s.grow(used + n)
	}
	return s.filled[used : used+n : used+n]
}

func (s *staging) grow(need int) {
	old := s.filled
	if need <= stagingBytes {
		s.filled = *stagings.Get().(*[]byte)
	} else {
		s.filled = alignedBytes(need)
	}
	s.filled = append(s.filled, old...)
	recycle(old)
}

// recycle keeps a buffer for others.
func recycle(b []byte) {
	if cap(b) == stagingBytes {
		b = b[:0]
		stagings.Put(&b)
	}
}

// leave goes on in other memory: what the last room holds stays as it is.
func (s *staging) leave() {
	s.filled = append(alignedBytes(cap(s.filled)), s.filled...)
}

// advance takes n bytes of the last room into the file.
func (s *staging) advance(n int) error {
	s.filled = s.filled[:len(s.filled)+n]
	if len(s.filled) < flushBytes {
		return nil
	}
	return s.flush()
}

// flush hands the whole pages to the disk and goes on in another buffer.
func (s *staging) flush() error {
	if s.spilled == nil {
		s.spilled = newSpill(s.w)
	}
	whole := len(s.filled) &^ (vfs.PageBytes - 1)
	next, err := s.spilled.swap(s.filled[:whole])
	if err != nil {
		return err
	}
	s.before += int64(whole)
	s.filled = append(next, s.filled[whole:]...)
	return nil
}

// Write implements io.Writer for what is not worth a room.
func (s *staging) Write(p []byte) (int, error) {
	copy(s.room(len(p)), p)
	return len(p), s.advance(len(p))
}

// close writes what is left and waits for what is being written.
func (s *staging) close() error {
	var err error
	if s.spilled != nil {
		err = s.spilled.close()
	}
	if err == nil {
		_, err = s.w.Write(s.filled)
	}
	s.before = s.offset()
	recycle(s.filled)
	s.filled = nil
	return err
}

// spill writes one buffer while another is filled.
type spill struct {
	full  chan []byte
	empty chan []byte // of capacity 1, so that nobody need take the last one
	err   error       // of the goroutine until empty gave a buffer
}

func newSpill(w io.Writer) *spill {
	p := &spill{full: make(chan []byte), empty: make(chan []byte, 1)}
	p.empty <- *stagings.Get().(*[]byte)
	go p.run(w)
	return p
}

func (p *spill) run(w io.Writer) {
	defer close(p.empty)
	for b := range p.full {
		if p.err == nil {
			_, p.err = w.Write(b)
		}
		if cap(b) != stagingBytes { // of a row that is larger than all
			b = *stagings.Get().(*[]byte)
		}
		p.empty <- b[:0]
	}
}

// swap waits until what was given before is written, and gives its buffer.
func (p *spill) swap(b []byte) ([]byte, error) {
	next := <-p.empty
	if p.err != nil {
		p.empty <- next
		return nil, p.err
	}
	p.full <- b
	return next, nil
}

// close ends the goroutine.
func (p *spill) close() error {
	close(p.full)
	for b := range p.empty {
		recycle(b)
	}
	return p.err
}
