package store

import (
	"fmt"
	"sync"
	"time"
)

// Space bounds what writes may take. A bound that is zero bounds nothing.
type Space struct {
	// Quota is for all kept versions of all datasets together, DatasetQuota for
	// those of each. An upload counts as it is written, and no longer when it is
	// aborted.
	Quota, DatasetQuota int64
	// MinFree is what stays free of the volume: it is for reading, dropping and
	// sweeping, none of which may fail for want of room.
	MinFree int64
}

// Stored gives the bytes of all versions that are kept of all datasets.
func (s *Store) Stored() int64 { return s.stored.Load() }

// Stored gives the bytes of all versions that are kept.
func (d *Dataset) Stored() int64 { return d.stored.Load() }

// admit refuses to go on where versions and uploads passed a bound.
func (d *Dataset) admit() error {
	space := d.store.options.Space
	if q, has := space.DatasetQuota, d.Stored()+d.uploading.Load(); q > 0 && has > q {
		return fmt.Errorf("%w: the dataset may have %d bytes, and its versions and uploads have %d: keep fewer of them, or drop it",
			ErrQuota, q, has)
	}
	if q, have := space.Quota, d.store.Stored()+d.store.uploading.Load(); q > 0 && have > q {
		return fmt.Errorf("%w: all datasets together may have %d bytes, and with uploads they have %d: drop some",
			ErrQuota, q, have)
	}
	return d.store.checkFree()
}

func (d *Dataset) countUpload(bytes int64) {
	d.uploading.Add(bytes)
	d.store.uploading.Add(bytes)
}

// freeFor is how long a look at the volume's free space is believed.
const freeFor = time.Second

// freeSpace is what was seen last.
type freeSpace struct {
	sync.Mutex
	seen time.Time
	err  error
}

// checkFree refuses writes on a volume that is nearly full. The cache gives way
// before.
func (s *Store) checkFree() error {
	low := s.options.Space.MinFree
	if low <= 0 && s.cache.limit <= 0 {
		return nil
	}
	s.free.Lock()
	defer s.free.Unlock()
	now := s.options.Clock.Now()
	if now.Sub(s.free.seen) < freeFor {
		return s.free.err
	}
	used, capacity, err := s.Usage()
	if err == nil && s.cache.leave(capacity, capacity-used, low) {
		used, capacity, err = s.Usage()
	}
	if err != nil {
		return err
	}
	s.free.seen, s.free.err = now, nil
	if free := capacity - used; free < low {
		s.free.err = fmt.Errorf("%w: %d bytes are free, and %d are kept for reading and dropping", ErrNoSpace, free, low)
	}
	return s.free.err
}

// countLocked accounts for the segments of a version that is about to be the
// newest.
func (d *Dataset) countLocked(v *version) {
	before := d.newest.Load()
	if before != nil && before.generation == v.generation {
		d.count(v.bytes - before.bytes)
		return
	}
	known := d.directoriesLocked()
	for upload, bytes := range v.directories() {
		if _, counted := known[upload]; !counted {
			d.count(bytes)
		}
	}
}

func (d *Dataset) count(bytes int64) {
	d.stored.Add(bytes)
	d.store.stored.Add(bytes)
}

// directoriesLocked are the uploads that readable versions, or those that are
// being read, have, with the bytes of the version that has most of each:
// compaction may leave a part of one.
func (d *Dataset) directoriesLocked() map[string]int64 {
	known := map[string]int64{}
	for _, g := range d.mu.generations {
		for upload, bytes := range g.last.directories() {
			known[upload] = max(known[upload], bytes)
		}
	}
	return known
}
