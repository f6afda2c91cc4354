package store

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Dataset is the versions of one dataset. It is safe for concurrent use.
type Dataset struct {
	store  *Store
	id     string
	format Format

	// committing is held by the one writer that extends the log.
	committing sync.Mutex
	// newest is what readers load without a lock; nil before the first commit.
	newest atomic.Pointer[version]
	// stored are the bytes of what is kept, uploading those of what is being
	// written.
	stored, uploading atomic.Int64
	// described is the entry that the file of the newest versions has; 0: none.
	described atomic.Uint64

	mu struct {
		sync.Mutex
		// versions are those that can be read, oldest first; the last is newest.
		versions []*version
		// trimmed is the entry of the log below which all are removed.
		trimmed uint64
		// generations have a version that can be read, or one that is being
		// read. The files of others are condemned, unless one of these has them
		// too.
		generations []*generation
		condemned   []string
		policy      Policy
		// pinned datasets are kept in memory, warm is the entry that was read.
		pinned bool
		warm   uint64
		damage map[Segment]error // what is wrong with those that were found damaged
		// holders counts readers and uploads, which keep a dropped dataset's
		// directory.
		holders int
		dropped bool
	}
}

// ID is the random name that the dataset's files have.
func (d *Dataset) ID() string { return d.id }

// Policy is what may be changed of a dataset at any time. The zero policy keeps
// versions as the store's options say, and compresses nothing.
type Policy struct {
	Retention Retention
	// Compression is of what is written from then on, by compaction as well.
	// What is there says its own.
	Compression Compression
}

// SetPolicy replaces the dataset's policy.
func (d *Dataset) SetPolicy(p Policy) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.policy = p
}

func (d *Dataset) compression() Compression {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.policy.Compression
}

// Newest describes the newest version.
func (d *Dataset) Newest() Version { return d.newest.Load().describe() }

// Versions describes the versions that can be read, oldest first.
func (d *Dataset) Versions() []Version {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Version, len(d.mu.versions))
	for i, v := range d.mu.versions {
		all[i] = v.describe()
	}
	return all
}

// Version describes one version that can be read, or fails with
// ErrVersionNotFound.
func (d *Dataset) Version(number uint64) (Version, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v, err := d.findLocked(number)
	return v.describe(), err
}

func (d *Dataset) findLocked(number uint64) (*version, error) {
	i, found := slices.BinarySearchFunc(d.mu.versions, number, func(v *version, number uint64) int {
		return cmp.Compare(v.number, number)
	})
	if !found {
		return nil, ErrVersionNotFound
	}
	return d.mu.versions[i], nil
}

// Applied tells what an upload made, if it was committed not too long ago.
func (d *Dataset) Applied(upload string) (Version, bool) {
	newest := d.newest.Load()
	a, ok := newest.applied(upload)
	if !ok {
		return Version{}, false
	}
	if v, err := d.Version(a.Version); err == nil {
		return v, true
	}
	// It is superseded and gone; what it was is still known in part.
	return Version{Number: a.Version, Created: newest.created, Rows: a.Rows, Bytes: a.Bytes, Schema: newest.schema}, true
}

// Acquire holds one version's files until the snapshot is released.
func (d *Dataset) Acquire(number uint64) (*Snapshot, error) {
	if d.store.isClosed() {
		return nil, ErrClosed
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.dropped {
		return nil, ErrDropped
	}
	v, err := d.findLocked(number)
	if err != nil {
		return nil, err
	}
	return d.holdLocked(v), nil
}

func (d *Dataset) holdLocked(v *version) *Snapshot {
	v.generation.readers++
	d.mu.holders++
	return &Snapshot{dataset: d, version: v}
}

// release ends one reader's hold.
func (d *Dataset) release(g *generation) {
	d.mu.Lock()
	g.readers--
	d.mu.holders--
	waiting := d.mu.dropped || (g.readers == 0 && g.versions == 0)
	d.mu.Unlock()
	if waiting {
		d.store.wakeSweeper()
	}
}

// Drop makes the dataset unreadable and deletes its files once nobody uses
// them. The caller made sure that no catalog names it after a crash.
func (d *Dataset) Drop() {
	d.committing.Lock() // a commit that began before ends before
	defer d.committing.Unlock()
	d.mu.Lock()
	d.mu.dropped = true
	d.mu.Unlock()
	d.store.wakeSweeper()
}

func (d *Dataset) isDropped() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.dropped
}

// removeOrphans deletes the uploads that no version names, of a dataset that
// nobody uses yet.
func (d *Dataset) removeOrphans(ctx context.Context) error {
	names, err := d.store.segments.List(ctx, segmentsName(d.id))
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return nil
	}
	d.mu.Lock()
	known := d.directoriesLocked()
	d.mu.Unlock()
	for _, name := range names {
		if _, named := known[name]; named {
			continue
		}
		if err := d.store.segments.Delete(ctx, uploadName(d.id, name)); err != nil {
			return err
		}
	}
	return nil
}
