package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
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

	mu struct {
		sync.Mutex
		// versions are those that can be read, oldest first; the last is newest.
		versions []*version
		// base is the whole manifest that the oldest of versions builds upon;
		// those below it are not needed. trimmed is how far they are removed.
		base, trimmed uint64
		// retired are generations without a readable version. Their files go
		// once nobody reads them.
		retired []retired
		// holders counts readers and uploads, which keep a dropped dataset's
		// directory.
		holders int
		dropped bool
	}
}

type retired struct {
	generation *generation
	uploads    []string
}

// Version describes one version of a dataset.
type Version struct {
	Number  uint64 // 0: there is none yet
	Created time.Time
	Rows    int64
	Bytes   int64
	Schema  *arrow.Schema
}

func (v *version) describe() Version {
	if v == nil {
		return Version{}
	}
	return Version{Number: v.number, Created: v.created, Rows: v.rows, Bytes: v.bytes, Schema: v.schema}
}

// ID is the random name that the dataset's files have.
func (d *Dataset) ID() string { return d.id }

// Newest describes the newest version.
func (d *Dataset) Newest() Version { return d.newest.Load().describe() }

// Applied tells what an upload made, if it was committed not too long ago.
func (d *Dataset) Applied(upload string) (Version, bool) {
	newest := d.newest.Load()
	a, ok := newest.applied(upload)
	if !ok {
		return Version{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range d.mu.versions {
		if v.number == a.Version {
			return v.describe(), true
		}
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
	for _, v := range d.mu.versions {
		if v.number == number {
			v.generation.readers++
			d.mu.holders++
			return &Snapshot{dataset: d, version: v}, nil
		}
	}
	return nil, ErrVersionNotFound
}

// release ends one reader's hold.
func (d *Dataset) release(g *generation) {
	d.mu.Lock()
	g.readers--
	d.mu.holders--
	waiting := d.mu.dropped || (g.readers == 0 && len(d.mu.retired) > 0)
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

// errApplied ends an Append whose upload turns out to be in the log already.
var errApplied = errors.New("applied before")

// commit makes the written segments the next version, once, however often it
// is called with one upload.
func (d *Dataset) commit(ctx context.Context, w *Writer, upload string, replace bool) (Version, error) {
	d.committing.Lock()
	defer d.committing.Unlock()
	propose := func() (uint64, []byte, error) {
		base := d.newest.Load()
		if _, ok := base.applied(upload); ok {
			return 0, nil, errApplied
		}
		if d.isDropped() {
			return 0, nil, ErrDropped
		}
		if base != nil && !replace {
			if err := CheckAssignable(base.schema, w.schema); err != nil {
				return 0, nil, err
			}
		}
		m, err := d.nextManifest(base, w, upload, replace)
		if err != nil {
			return 0, nil, err
		}
		return m.version, m.body, nil
	}
	err := Append(ctx, d.store.commits, logName(d.id), propose, d.learn)
	if err != nil && !errors.Is(err, errApplied) {
		d.store.metrics.commits.WithLabelValues("failed").Inc()
		return Version{}, err
	}
	v, ok := d.Applied(upload)
	if !ok {
		return Version{}, fmt.Errorf("%w: version %d does not name the upload that made it", ErrCorrupt, d.Newest().Number)
	}
	d.store.metrics.commits.WithLabelValues("ok").Inc()
	return v, nil
}

// proposal is a manifest that is ready to be created.
type proposal struct {
	version uint64
	body    []byte
}

// nextManifest builds what follows base. Every so many versions it is written
// whole, unless it would be too large: then later ones stay additions.
func (d *Dataset) nextManifest(base *version, w *Writer, upload string, replace bool) (proposal, error) {
	m := manifest{
		Version: 1, Nonce: RandomID(), Created: d.store.options.Clock.Now().UTC(),
		Rows: w.rows, Bytes: w.bytes,
		Whole: base == nil || replace, Replace: base == nil || replace,
		Partitions: []partition{{Added: w.segments}},
	}
	if base != nil {
		m.Version, m.Parent = base.number+1, base.number
		if !replace {
			m.Rows += base.rows
			m.Bytes += base.bytes
		}
	}
	m.Uploads = []AppliedUpload{{ID: upload, Version: m.Version, Rows: m.Rows, Bytes: m.Bytes}}
	if m.Version%checkpointEvery == 0 && !m.Whole {
		if body, err := encodeWhole(m, base, base.schema); err == nil {
			return proposal{m.Version, body}, nil
		}
	}
	if m.Whole {
		body, err := encodeWhole(m, base, w.schema)
		return proposal{m.Version, body}, err
	}
	body, err := m.encode()
	return proposal{m.Version, body}, err
}

// encodeWhole completes a manifest with what it would take from its parent.
func encodeWhole(m manifest, base *version, schema *arrow.Schema) (_ []byte, err error) {
	m.Whole = true
	if m.Schema, err = EncodeSchema(schema); err != nil {
		return nil, err
	}
	if base != nil {
		before := base.uploads[max(0, len(base.uploads)+1-maxUploads):]
		m.Uploads = append(append([]AppliedUpload{}, before...), m.Uploads...)
		if !m.Replace {
			all := append(append([]Segment{}, base.segments...), m.Partitions[0].Added...)
			m.Partitions = []partition{{Added: all}}
		}
	}
	return m.encode()
}

// learn makes an entry of the log the newest version.
func (d *Dataset) learn(n uint64, entry []byte) error {
	m, err := decodeManifest(n, entry)
	if err != nil {
		return fmt.Errorf("%s: %w", entryName(logName(d.id), n), err)
	}
	v, err := m.next(d.newest.Load())
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.mu.versions) == 0 {
		d.mu.base = v.number
	}
	d.mu.versions = append(d.mu.versions, v)
	d.newest.Store(v)
	return nil
}

// removeOrphans deletes the uploads that no version names.
func (d *Dataset) removeOrphans(ctx context.Context, versions []*version) error {
	names, err := d.store.segments.List(ctx, segmentsName(d.id))
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return nil
	}
	known := map[string]bool{}
	for _, v := range versions {
		for _, upload := range v.directories() {
			known[upload] = true
		}
	}
	for _, name := range names {
		if known[name] {
			continue
		}
		if err := d.store.segments.Delete(ctx, uploadName(d.id, name)); err != nil {
			return err
		}
	}
	return nil
}

// sweep retires versions that are superseded for long enough and deletes what
// nobody reads: manifests before the segments that they name.
func (d *Dataset) sweep(ctx context.Context) error {
	if gone, err := d.sweepDropped(ctx); gone || err != nil {
		return err
	}
	d.mu.Lock()
	d.retireLocked(d.store.options.Clock.Now().Add(-d.store.options.KeepSuperseded))
	base, trim := d.mu.base, d.mu.base > d.mu.trimmed
	d.mu.Unlock()
	if trim {
		if err := d.store.commits.Trim(ctx, logName(d.id), base); err != nil {
			return err
		}
	}
	d.mu.Lock()
	d.mu.trimmed = base
	idle := d.takeIdleLocked()
	d.mu.Unlock()
	for i, r := range idle {
		if err := d.deleteUploads(ctx, r.uploads); err != nil {
			d.mu.Lock()
			d.mu.retired = append(d.mu.retired, idle[i:]...)
			d.mu.Unlock()
			return err
		}
	}
	return nil
}

// retireLocked takes away the versions that another followed before the given
// time.
func (d *Dataset) retireLocked(before time.Time) {
	expired := 0
	for expired+1 < len(d.mu.versions) && !d.mu.versions[expired+1].created.After(before) {
		v, next := d.mu.versions[expired], d.mu.versions[expired+1]
		if next.whole {
			d.mu.base = next.number
		}
		if next.generation != v.generation {
			d.mu.retired = append(d.mu.retired, retired{v.generation, v.directories()})
		}
		expired++
	}
	if expired > 0 {
		d.mu.versions = append([]*version(nil), d.mu.versions[expired:]...)
	}
}

// takeIdleLocked takes away the retired generations that nobody reads.
func (d *Dataset) takeIdleLocked() []retired {
	var idle, busy []retired
	for _, r := range d.mu.retired {
		if r.generation.readers == 0 {
			idle = append(idle, r)
		} else {
			busy = append(busy, r)
		}
	}
	d.mu.retired = busy
	return idle
}

func (d *Dataset) deleteUploads(ctx context.Context, uploads []string) error {
	for _, upload := range uploads {
		if err := d.store.segments.Delete(ctx, uploadName(d.id, upload)); err != nil {
			return err
		}
	}
	return nil
}

// sweepDropped deletes a dropped dataset that nobody uses.
func (d *Dataset) sweepDropped(ctx context.Context) (bool, error) {
	d.mu.Lock()
	dropped, idle := d.mu.dropped, d.mu.holders == 0
	d.mu.Unlock()
	if !dropped || !idle {
		return dropped, nil
	}
	if err := d.store.Remove(ctx, d.id); err != nil {
		return true, err
	}
	d.store.forget(d)
	return true, nil
}
