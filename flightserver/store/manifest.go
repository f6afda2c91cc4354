package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

const (
	manifestKind = "manifest"
	// checkpointEvery bounds how many manifests a start reads for one version.
	checkpointEvery = 64
	// maxUploads bounds the uploads that a dataset remembers for those that
	// retry; a retry comes soon or never.
	maxUploads = 1024
)

// manifest is the entry that makes a version.
type manifest struct {
	Version uint64    `json:"version"`
	Parent  uint64    `json:"parent"`
	Nonce   string    `json:"nonce"`
	Created time.Time `json:"created"`
	Rows    int64     `json:"rows"`  // of the whole version
	Bytes   int64     `json:"bytes"` // of the whole version
	// Whole says that Partitions is everything. Otherwise it is added to what
	// the parent has.
	Whole      bool            `json:"whole,omitempty"`
	Replace    bool            `json:"replace,omitempty"` // nothing of the parent is left
	Partitions []partition     `json:"partitions"`
	Schema     []byte          `json:"schema,omitempty"` // an IPC schema message; with Whole
	Uploads    []AppliedUpload `json:"uploads"`          // the newest last; with Whole those before as well
}

// partition is a part of a dataset that can be read by itself.
type partition struct {
	Added []Segment `json:"added"`
}

// Segment is one file of a version.
type Segment struct {
	Upload string `json:"upload"` // the directory that the segment lies in
	Number int    `json:"n"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	Sum    uint32 `json:"sum"` // CRC-32C of the sidecar
}

// name is where the segment of a dataset lies.
func (s Segment) name(id string) string {
	return path.Join(uploadName(id, s.Upload), fmt.Sprint(s.Number))
}

func uploadName(id, upload string) string { return path.Join(segmentsName(id), upload) }
func segmentsName(id string) string       { return path.Join(datasetName(id), "s") }
func logName(id string) string            { return path.Join(datasetName(id), "m") }
func datasetName(id string) string        { return path.Join(datasetsDir, id) }

// datasetsDir holds everything but the catalog.
const datasetsDir = "d"

// AppliedUpload tells a retry what became of the upload before.
type AppliedUpload struct {
	ID      string `json:"id"`
	Version uint64 `json:"version"`
	Rows    int64  `json:"rows"`  // of that version
	Bytes   int64  `json:"bytes"` // of that version
}

func (m *manifest) encode() ([]byte, error) { return EncodeEntry(manifestKind, m) }

// decodeManifest verifies what a damaged or foreign file could have wrong.
func decodeManifest(n uint64, entry []byte) (*manifest, error) {
	m := &manifest{}
	if err := DecodeEntry(manifestKind, entry, m); err != nil {
		return nil, err
	}
	if err := m.check(n); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return m, nil
}

func (m *manifest) check(n uint64) error {
	switch {
	case m.Version != n:
		return fmt.Errorf("it is of version %d", m.Version)
	case m.Version == 0 || m.Parent != m.Version-1:
		return fmt.Errorf("version %d cannot follow %d", m.Version, m.Parent)
	case len(m.Partitions) != 1:
		return fmt.Errorf("%d partitions, want 1", len(m.Partitions))
	case len(m.Uploads) == 0:
		return errors.New("no upload made it")
	case m.Whole && m.Schema == nil:
		return errors.New("no schema")
	case m.Replace && !m.Whole:
		return errors.New("it replaces its parent in part")
	}
	for _, s := range m.Partitions[0].Added {
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}

// check keeps names from leaving the dataset's directory, and sizes sane.
func (s Segment) check() error {
	if !IsID(s.Upload) || s.Number < 0 || s.Rows < 0 || s.Bytes < 0 {
		return fmt.Errorf("no segment can be %.64q number %d with %d rows in %d bytes", s.Upload, s.Number, s.Rows, s.Bytes)
	}
	return nil
}

// IsID tells whether s has the form that RandomID gives.
func IsID(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 16 && s == hex.EncodeToString(b)
}

// version is one readable state of a dataset. It never changes.
type version struct {
	number      uint64
	created     time.Time
	rows, bytes int64
	whole       bool
	schema      *arrow.Schema
	segments    []Segment
	generation  *generation
	uploads     []AppliedUpload // the newest last
}

// generation is a run of versions that extend one another, from one replace to
// the next. Their files go together.
type generation struct {
	readers int // guarded by Dataset.mu
}

// applied finds what an upload made.
func (v *version) applied(upload string) (AppliedUpload, bool) {
	if v == nil {
		return AppliedUpload{}, false
	}
	for _, a := range v.uploads {
		if a.ID == upload {
			return a, true
		}
	}
	return AppliedUpload{}, false
}

// directories are the uploads that the version's segments lie in.
func (v *version) directories() []string {
	var names []string
	for _, s := range v.segments {
		if len(names) == 0 || names[len(names)-1] != s.Upload {
			names = append(names, s.Upload)
		}
	}
	return names
}

// next applies a manifest to the version before; base is nil where m is whole
// and what was before is not known.
func (m *manifest) next(base *version) (*version, error) {
	v := &version{number: m.Version, created: m.Created, rows: m.Rows, bytes: m.Bytes, whole: m.Whole}
	added := m.Partitions[0].Added
	if m.Whole {
		schema, err := DecodeSchema(m.Schema)
		if err != nil {
			return nil, fmt.Errorf("%w: schema: %w", ErrCorrupt, err)
		}
		v.schema, v.segments, v.uploads = schema, added, m.Uploads
		v.generation = &generation{}
		if base != nil && !m.Replace {
			v.generation = base.generation
		}
		return v, nil
	}
	v.schema, v.generation = base.schema, base.generation
	// What the older version sees stays where it is: its slices end before.
	v.segments = append(base.segments, added...)   //nolint:gocritic // see above
	v.uploads = append(base.uploads, m.Uploads...) //nolint:gocritic // see above
	if len(v.uploads) > maxUploads {
		v.uploads = v.uploads[len(v.uploads)-maxUploads:]
	}
	return v, nil
}

// readVersions rebuilds the versions of a dataset from its log, oldest first.
// What a trim left unfinished at the log's start is skipped.
func readVersions(ctx context.Context, c Commits, id string) ([]*version, error) {
	numbers, err := c.List(ctx, logName(id))
	if err != nil || len(numbers) == 0 {
		return nil, err
	}
	manifests, err := readManifests(ctx, c, id, numbers)
	if err != nil {
		return nil, err
	}
	for len(manifests) > 0 && !manifests[0].Whole {
		manifests = manifests[1:]
	}
	if len(manifests) == 0 {
		return nil, fmt.Errorf("%s: %w: the manifests before it are missing",
			entryName(logName(id), numbers[len(numbers)-1]), ErrCorrupt)
	}
	var versions []*version
	var base *version
	for _, m := range manifests {
		v, err := m.next(base)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entryName(logName(id), m.Version), err)
		}
		versions = append(versions, v)
		base = v
	}
	return versions, nil
}

// readManifests reads the run of numbers without a gap that ends at the newest.
func readManifests(ctx context.Context, c Commits, id string, numbers []uint64) ([]*manifest, error) {
	first := len(numbers) - 1
	for first > 0 && numbers[first-1] == numbers[first]-1 {
		first--
	}
	manifests := make([]*manifest, 0, len(numbers)-first)
	for _, n := range numbers[first:] {
		entry, err := c.Read(ctx, logName(id), n)
		if err != nil {
			return nil, err
		}
		m, err := decodeManifest(n, entry)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entryName(logName(id), n), err)
		}
		manifests = append(manifests, m)
	}
	return manifests, nil
}
