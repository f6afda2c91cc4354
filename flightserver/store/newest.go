package store

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"sync"
	"sync/atomic"
)

const (
	// newestFile has the newest version of each dataset, so that a start lists
	// them without reading their logs.
	newestFile = "NEWEST"
	// maxNewestBytes is more than a hundred thousand datasets take with schemas
	// of their own.
	maxNewestBytes = 256 << 20
	// rewriteAfter is how many datasets at least differ from what the file says
	// before it is written anew; rewriteShare keeps the work in proportion where
	// there are many.
	rewriteAfter = 1024
	rewriteShare = 4
)

// newest describes the datasets that are not loaded, as the file does. It is
// right about those whose logs did not go on since.
type newest struct {
	mu   sync.Mutex
	byID map[string]*described
}

// described is what the file says of a dataset.
type described struct {
	entry   uint64 // of the log, the last then
	version Version
	holds   atomic.Bool // it is the last now, too
}

func (n *newest) get(id string) *described {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byID[id]
}

// take forgets a dataset that is loaded or gone, and gives the entry that the
// file has of it; 0: none.
func (n *newest) take(id string) (entry uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if d := n.byID[id]; d != nil {
		entry = d.entry
		delete(n.byID, id)
	}
	return entry
}

func (n *newest) all() map[string]*described {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.byID)
}

// NewestOf describes the newest version of a dataset that is not loaded; false
// where only LoadDataset can tell.
func (s *Store) NewestOf(ctx context.Context, id string) (Version, bool) {
	d := s.newest.get(id)
	if d == nil {
		return Version{}, false
	}
	if !d.holds.Load() {
		numbers, err := s.commits.List(ctx, logName(id))
		if err != nil || len(numbers) == 0 || numbers[len(numbers)-1] != d.entry {
			return Version{}, false
		}
		d.holds.Store(true)
	}
	return d.version, true
}

// readNewest reads the file. Without it the logs say the same.
func (s *Store) readNewest() {
	content, err := s.dirs.readFile(newestFile, maxNewestBytes)
	if err == nil {
		s.newest.byID, err = decodeNewest(content, &s.schemas)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.options.Logger.Warn("datasets are listed from their logs", "file", newestFile, "error", err)
	}
}

// newestIsOld tells whether many datasets went on since the file was written.
func (s *Store) newestIsOld() bool {
	changed, all := 0, s.all()
	for _, d := range all {
		if v := d.newest.Load(); v != nil && v.entry != d.described.Load() {
			changed++
		}
	}
	return changed >= max(rewriteAfter, len(all)/rewriteShare)
}

// describeNewest writes the file. Without it the next start takes longer.
func (s *Store) describeNewest() {
	if err := s.writeNewest(); err != nil {
		s.options.Logger.Warn("newest versions are not described", "file", newestFile, "error", err)
	}
}

// writeNewest describes all datasets for the next start, those that are not
// loaded as they were found.
func (s *Store) writeNewest() error {
	if err := s.checkFree(); err != nil {
		return err
	}
	e := newestEncoder{}
	for id, d := range s.newest.all() {
		if err := e.add(id, d.entry, d.version); err != nil {
			return err
		}
	}
	written := map[*Dataset]uint64{}
	for _, d := range s.all() {
		v := d.newest.Load()
		if v == nil || d.isDropped() {
			continue
		}
		if err := e.add(d.id, v.entry, v.describe()); err != nil {
			return err
		}
		written[d] = v.entry
	}
	content, err := e.encode()
	if err == nil {
		err = s.replaceNewest(content)
	}
	if err != nil {
		return noSpace(err)
	}
	for d, entry := range written {
		d.described.Store(entry)
	}
	return nil
}

// replaceNewest leaves the old file, the new one, or none.
func (s *Store) replaceNewest(content []byte) error {
	if err := s.dirs.make(tmpDir); err != nil {
		return err
	}
	tmp := path.Join(tmpDir, RandomID()) // the name of no log
	err := s.dirs.writeFile(tmp, content)
	if err == nil {
		err = s.dirs.removeAll(newestFile)
	}
	if err == nil {
		err = s.dirs.fs.Link(s.dirs.path(tmp), s.dirs.path(newestFile))
	}
	err = errors.Join(err, s.dirs.removeAll(tmp))
	if err != nil {
		return err
	}
	return s.dirs.sync(".")
}
