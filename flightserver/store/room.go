package store

import "github.com/apache/arrow-go/v18/arrow/memory"

// Room is the memory that a scan decodes in. What is read where it lies in a
// file takes none. All methods but Reserve are safe for concurrent use.
type Room interface {
	memory.Allocator
	// Reserve waits until about so many bytes may be taken, or says why they may
	// not. It comes before what is decoded next, from the scan's goroutine.
	Reserve(bytes int64) error
	// Take counts bytes that the allocator does not know of; fewer than none give
	// them back.
	Take(bytes int64)
}

// boundless is the room of scans that nobody counts.
type boundless struct{ memory.Allocator }

func (boundless) Reserve(int64) error { return nil }
func (boundless) Take(int64)          {}

// scanRoom remembers why there is no room, which is no segment's fault.
type scanRoom struct {
	Room

	refused error
}

func (r *scanRoom) Reserve(bytes int64) error {
	err := r.Room.Reserve(bytes)
	if err != nil {
		r.refused = err
	}
	return err
}

// DecodeIn has all that is decoded take its memory from a room. It precedes Next
// and Records.
func (s *Scan) DecodeIn(r Room) { s.room = &scanRoom{Room: r} }
