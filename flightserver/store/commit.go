package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
)

// Commit makes what the writers wrote one new version, durable and visible when
// it returns. With replace the version is theirs alone, a partition a writer,
// else they join what the newest version has. An upload that a version names
// already is not applied again: that version is returned, and the files go.
//
// After an error Commit may be tried again. ErrOutcomeUnknown says that the
// version may appear nevertheless.
func (d *Dataset) Commit(ctx context.Context, upload string, replace bool, writers ...*Writer) (Version, error) {
	if d.store.isClosed() {
		return Version{}, ErrClosed
	}
	c := content{schema: writers[0].schema, replace: replace}
	for _, w := range writers {
		if err := w.Flush(); err != nil {
			return Version{}, err
		}
		if w.schema != c.schema {
			if err := CheckAssignable(c.schema, w.schema); err != nil {
				return Version{}, err
			}
		}
		c.parts = append(c.parts, w.segments)
	}
	v, err := d.commit(ctx, upload, c)
	if errors.Is(err, ErrOutcomeUnknown) {
		for _, w := range writers {
			w.state = uncertain
		}
		err = fmt.Errorf("%w: retry with upload %q", err, upload)
	}
	if err != nil {
		return Version{}, err
	}
	for _, w := range writers {
		err = errors.Join(err, w.committed(ctx))
	}
	return v, err
}

// committed ends a writer whose upload is applied, be it by another's files.
func (w *Writer) committed(ctx context.Context) (err error) {
	if w.state == finished {
		return nil
	}
	if len(w.segments) > 0 && !w.dataset.names(w.upload) {
		err = w.remove(ctx)
	}
	w.finish()
	return err
}

// Written is what the writer's finished segments hold.
func (w *Writer) Written() Partition { return Partition{Rows: w.rows, Bytes: w.bytes} }

// names tells whether versions that can be read hold segments of a writer.
func (d *Dataset) names(upload string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range slices.Backward(d.mu.generations) {
		for _, p := range g.last.partitions {
			for _, s := range slices.Backward(p.segments) {
				if s.Upload == upload {
					return true
				}
			}
		}
	}
	return false
}

// Restore makes a new version with the content of an old one, of which it
// copies nothing. That of the newest changes nothing.
func (d *Dataset) Restore(ctx context.Context, number uint64) (Version, error) {
	s, err := d.Acquire(number) // its files stay until the new version names them
	if err != nil {
		return Version{}, err
	}
	defer s.Release()
	if number == d.Newest().Number {
		return d.Newest(), nil
	}
	c := content{schema: s.version.schema, replace: true}
	for _, p := range s.version.partitions {
		c.parts = append(c.parts, p.segments)
	}
	return d.commit(ctx, RandomID(), c)
}

// content is what a commit makes a version of.
type content struct {
	schema  *arrow.Schema
	parts   [][]Segment
	replace bool
}

// errApplied ends an Append whose upload turns out to be in the log already.
var errApplied = errors.New("applied before")

// commit makes the next version, once, however often it is called with one
// upload.
func (d *Dataset) commit(ctx context.Context, upload string, c content) (Version, error) {
	err := d.append(ctx, func(base *version) (proposal, error) {
		if _, ok := base.applied(upload); ok {
			return proposal{}, errApplied
		}
		if base != nil && !c.replace {
			if err := CheckAssignable(base.schema, c.schema); err != nil {
				return proposal{}, err
			}
		}
		return d.nextManifest(base, upload, c)
	})
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
	number uint64
	body   []byte
}

// append adds an entry to the dataset's log, proposed for what is newest then.
func (d *Dataset) append(ctx context.Context, propose func(*version) (proposal, error)) error {
	d.committing.Lock()
	defer d.committing.Unlock()
	if d.store.isClosed() {
		return ErrClosed
	}
	return Append(ctx, d.store.commits, logName(d.id), func() (uint64, []byte, error) {
		if d.isDropped() {
			return 0, nil, ErrDropped
		}
		p, err := propose(d.newest.Load())
		return p.number, p.body, err
	}, d.learn)
}

// nextManifest builds what follows base. Now and then one is written whole,
// unless it would be too large: then later ones stay additions.
func (d *Dataset) nextManifest(base *version, upload string, c content) (proposal, error) {
	m := manifest{
		Number: 1, Version: 1, Nonce: RandomID(), Created: d.store.options.Clock.Now().UTC(),
		Whole: base == nil || c.replace, Replace: base == nil || c.replace,
	}
	if base != nil {
		m.Number, m.Version, m.Parent = base.entry+1, base.number+1, base.number
	}
	if m.Replace {
		m.Partitions = place(c.parts, nil)
	} else {
		m.Partitions = place(c.parts, base.partitions)
		m.Rows, m.Bytes = base.rows, base.bytes
	}
	if len(m.Partitions) > MaxPartitions {
		return proposal{}, fmt.Errorf("%w: %d partitions, at most %d", ErrTooLarge, len(m.Partitions), MaxPartitions)
	}
	m.count()
	m.Uploads = []AppliedUpload{{ID: upload, Version: m.Version, Rows: m.Rows, Bytes: m.Bytes}}
	if !m.Whole && base.checkpointDue(m.Number) {
		if body, err := encodeWhole(m, base, base.schema); err == nil {
			return proposal{m.Number, body}, nil
		}
	}
	if m.Whole {
		body, err := encodeWhole(m, base, c.schema)
		return proposal{m.Number, body}, err
	}
	body, err := m.encode()
	return proposal{m.Number, body}, err
}

// checkpointDue tells whether entry n, which follows, should be whole.
func (v *version) checkpointDue(n uint64) bool {
	if n%checkpointEvery != 0 {
		return false
	}
	segments := 0
	for _, p := range v.partitions {
		segments += len(p.segments)
	}
	return n-v.base >= uint64(segments/checkpointShare)
}

// place gives every part a partition. Parts that join what is there go to the
// smallest partitions, at most one to each, so that the order within a
// partition is that of the commits; what is left over makes new ones.
func place(parts [][]Segment, onto []part) []partition {
	smallest := make([]int, len(onto))
	for i := range smallest {
		smallest[i] = i
	}
	slices.SortStableFunc(smallest, func(a, b int) int { return cmp.Compare(onto[a].Bytes, onto[b].Bytes) })
	placed := make([]partition, max(len(onto), len(parts)))
	for i, segments := range parts {
		at := i
		if i < len(smallest) {
			at = smallest[i]
		}
		placed[at].Added = segments
	}
	return placed
}

// count adds what the partitions hold to the rows and bytes.
func (m *manifest) count() {
	for _, p := range m.Partitions {
		for _, s := range p.Added {
			m.Rows += s.Rows
			m.Bytes += s.Bytes
		}
	}
}

// encodeWhole completes a manifest with what it would take from its parent.
func encodeWhole(m manifest, base *version, schema *arrow.Schema) (_ []byte, err error) {
	m.Whole = true
	if m.Schema, err = EncodeSchema(schema); err != nil {
		return nil, err
	}
	if base != nil {
		before := base.uploads[max(0, len(base.uploads)+len(m.Uploads)-maxUploads):]
		m.Uploads = slices.Concat(before, m.Uploads)
		if !m.Replace {
			m.Partitions = joined(base.partitions, m.Partitions)
		}
	}
	return m.encode()
}

// joined gives the partitions that a whole manifest has where one in part adds
// to those before.
func joined(before []part, added []partition) []partition {
	all := make([]partition, len(added))
	for i, a := range added {
		if i < len(before) {
			a.Added = slices.Concat(before[i].segments, a.Added)
		}
		all[i] = a
	}
	return all
}

// learn makes an entry of the log the newest state.
func (d *Dataset) learn(n uint64, entry []byte) error {
	m, err := decodeManifest(n, entry)
	if err != nil {
		return fmt.Errorf("%s: %w", entryName(logName(d.id), n), err)
	}
	v, err := m.next(d.newest.Load(), &d.store.schemas)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.addLocked(v)
	return nil
}

// addLocked makes v the newest. The same version with other segments takes the
// place of what was.
func (d *Dataset) addLocked(v *version) {
	d.countLocked(v)
	g := v.generation
	if g.last == nil {
		d.mu.generations = append(d.mu.generations, g)
	}
	g.last = v
	g.versions++
	last := len(d.mu.versions) - 1
	if last >= 0 && d.mu.versions[last].number == v.number {
		d.mu.versions[last].generation.versions--
		d.mu.versions[last] = v
	} else {
		d.mu.versions = append(d.mu.versions, v)
	}
	d.newest.Store(v)
}
