package store

import (
	"crypto/rand"
	"errors"
	"sync"
)

const (
	// reserveFile holds room that a full volume still has for dropping datasets.
	reserveFile  = "RESERVE"
	reserveBytes = 256 << 10
)

// reserve is the room that Urgently gives away and takes back.
type reserve struct {
	dirs *directories
	mu   sync.Mutex // held by whoever spends or fills
}

// fill makes the reserve, or leaves it when there is no room: the next sweep
// tries again.
func (r *reserve) fill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fillLocked()
}

func (r *reserve) fillLocked() {
	if f, err := r.dirs.fs.Open(r.dirs.path(reserveFile)); err == nil {
		size, err := f.Size()
		if cerr := f.Close(); err == nil && cerr == nil && size == reserveBytes {
			return
		}
	}
	r.spendLocked()
	// Random bytes, which no file system stores in less room.
	content := make([]byte, reserveBytes)
	_, _ = rand.Read(content)
	if err := r.dirs.writeFile(reserveFile, content); err != nil {
		r.spendLocked()
	}
}

func (r *reserve) spendLocked() {
	_ = r.dirs.fs.Remove(r.dirs.path(reserveFile)) // it may not be there
}

// Urgently does what will make room, even where the volume has none left.
func (s *Store) Urgently(do func() error) error {
	err := do()
	if !errors.Is(err, ErrNoSpace) {
		return err
	}
	s.reserve.mu.Lock()
	defer s.reserve.mu.Unlock()
	s.reserve.spendLocked()
	err = do()
	s.reserve.fillLocked()
	return err
}
