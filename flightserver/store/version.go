package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"
)

// Version describes one version of a dataset.
type Version struct {
	Number     uint64 // 0: there is none yet
	Created    time.Time
	Rows       int64
	Bytes      int64
	Schema     *arrow.Schema
	Partitions []Partition // never empty where there is a version
}

// Partition is a part of a version that is read by itself.
type Partition struct {
	Rows  int64 `json:"rows"`
	Bytes int64 `json:"bytes"`
}

// version is one readable state of a dataset. It never changes.
type version struct {
	entry       uint64 // of the log
	base        uint64 // the whole entry that it is built upon
	number      uint64
	created     time.Time
	rows, bytes int64
	schema      *arrow.Schema
	partitions  []part
	generation  *generation
	uploads     []AppliedUpload // the newest last
}

// part is a partition with what it consists of.
type part struct {
	Partition

	segments []Segment
}

// generation is a run of versions that extend one another. The last of them has
// the segments of all.
type generation struct {
	readers  int      // guarded by Dataset.mu, as are the others
	versions int      // that can be read
	last     *version // nil while a log is being read
}

func (v *version) describe() Version {
	if v == nil {
		return Version{}
	}
	d := Version{Number: v.number, Created: v.created, Rows: v.rows, Bytes: v.bytes, Schema: v.schema}
	d.Partitions = make([]Partition, len(v.partitions))
	for i, p := range v.partitions {
		d.Partitions[i] = p.Partition
	}
	return d
}

// applied finds what an upload made.
func (v *version) applied(upload string) (AppliedUpload, bool) {
	if v == nil {
		return AppliedUpload{}, false
	}
	for _, a := range slices.Backward(v.uploads) {
		if a.ID == upload {
			return a, true
		}
	}
	return AppliedUpload{}, false
}

// segments are those of all partitions, one partition after the other.
func (v *version) segments() []Segment {
	if len(v.partitions) == 1 {
		return v.partitions[0].segments
	}
	var all []Segment
	for _, p := range v.partitions {
		all = append(all, p.segments...)
	}
	return all
}

// of gives the segments of a partition of what errors call name.
func (v *version) of(name string, partition int) ([]Segment, error) {
	if partition < 0 || partition >= len(v.partitions) {
		return nil, fmt.Errorf("%w: dataset %q version %d has no partition %d", ErrVersionNotFound, name, v.number, partition)
	}
	return v.partitions[partition].segments, nil
}

// directories are the uploads that the version's segments lie in, with the
// bytes of these segments.
func (v *version) directories() map[string]int64 {
	bytes := map[string]int64{}
	for _, p := range v.partitions {
		for _, s := range p.segments {
			bytes[s.Upload] += s.Bytes
		}
	}
	return bytes
}

// next applies an entry to the version before; base is nil where the entry is
// whole and what was before is not known.
func (m *manifest) next(base *version, schemas *Schemas) (*version, error) {
	v := &version{
		entry: m.Number, base: m.Number, number: m.Version, created: m.Created, rows: m.Rows, bytes: m.Bytes,
	}
	if base != nil && base.number != m.Parent {
		return nil, fmt.Errorf("%w: it follows version %d, not %d", ErrCorrupt, m.Parent, base.number)
	}
	if m.Whole {
		schema, err := schemas.Decode(m.Schema)
		if err != nil {
			return nil, fmt.Errorf("%w: schema: %w", ErrCorrupt, err)
		}
		v.schema, v.partitions, v.uploads = schema, extend(nil, m.Partitions), m.Uploads
		v.generation = &generation{}
		if base != nil {
			v.share(base)
		}
		if base != nil && !m.Replace {
			v.generation = base.generation
		}
		return v, nil
	}
	v.base, v.schema, v.generation = base.base, base.schema, base.generation
	v.partitions = extend(base.partitions, m.Partitions)
	v.uploads = append(base.uploads, m.Uploads...) //nolint:gocritic // what the older version sees ends before
	if len(v.uploads) > maxUploads {
		v.uploads = v.uploads[len(v.uploads)-maxUploads:]
	}
	return v, nil
}

// share lets go of what a whole entry repeats of the version before: so many
// versions of many segments take little memory.
func (v *version) share(base *version) {
	for i := range min(len(v.partitions), len(base.partitions)) {
		old, all := base.partitions[i].segments, v.partitions[i].segments
		if len(all) >= len(old) && slices.Equal(all[:len(old)], old) {
			v.partitions[i].segments = append(old, all[len(old):]...) //nolint:gocritic // as in extend
		}
	}
	for added := range min(2, len(v.uploads)) { // compaction adds none
		repeated := len(v.uploads) - added
		if n := len(base.uploads) - repeated; n >= 0 && slices.Equal(v.uploads[:repeated], base.uploads[n:]) {
			v.uploads = append(base.uploads[n:], v.uploads[repeated:]...)
			return
		}
	}
}

// extend adds segments to partitions, of which those before stay as they are:
// their slices end before what is added.
func extend(before []part, added []partition) []part {
	after := make([]part, max(len(before), len(added)))
	copy(after, before)
	for i, a := range added {
		p := &after[i]
		p.segments = append(p.segments, a.Added...)
		for _, s := range a.Added {
			p.Rows += s.Rows
			p.Bytes += s.Bytes
		}
	}
	return after
}

// readVersions rebuilds the states of a dataset from its log, oldest first, and
// gives the number of the log's first entry. What a trim left unfinished there
// is skipped: all before the last gap, and what adds to it.
func readVersions(ctx context.Context, c Commits, id string, schemas *Schemas) (versions []*version, first uint64, err error) {
	numbers, err := c.List(ctx, logName(id))
	if err != nil || len(numbers) == 0 {
		return nil, 0, err
	}
	var base *version
	for chunk := range slices.Chunk(lastRun(numbers), manifestsAtOnce) {
		manifests, err := readManifests(ctx, c, id, chunk)
		if err != nil {
			return nil, 0, err
		}
		for _, m := range manifests {
			if base == nil && !m.Whole {
				continue
			}
			if base, err = m.next(base, schemas); err != nil {
				return nil, 0, fmt.Errorf("%s: %w", entryName(logName(id), m.Number), err)
			}
			versions = append(versions, base)
		}
	}
	if base == nil {
		return nil, 0, fmt.Errorf("%s: %w: the manifests before it are missing",
			entryName(logName(id), numbers[len(numbers)-1]), ErrCorrupt)
	}
	return versions, numbers[0], nil
}

// lastRun gives the numbers without a gap that end with the last.
func lastRun(numbers []uint64) []uint64 {
	first := len(numbers) - 1
	for first > 0 && numbers[first-1] == numbers[first]-1 {
		first--
	}
	return numbers[first:]
}

const (
	// manifestsAtOnce bounds what is in memory of a long log.
	manifestsAtOnce = 256
	// manifestReaders keep a disk busy that answers several in the time of one.
	manifestReaders = 8
)

// readManifests reads entries of a log.
func readManifests(ctx context.Context, c Commits, id string, numbers []uint64) ([]*manifest, error) {
	manifests := make([]*manifest, len(numbers))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(manifestReaders)
	for i, n := range numbers {
		g.Go(func() error {
			entry, err := c.Read(ctx, logName(id), n)
			if err != nil {
				return err
			}
			if manifests[i], err = decodeManifest(n, entry); err != nil {
				return fmt.Errorf("%s: %w", entryName(logName(id), n), err)
			}
			return nil
		})
	}
	return manifests, g.Wait()
}
