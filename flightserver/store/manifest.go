package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"time"
)

const (
	manifestKind = "manifest"
	// MaxPartitions bounds the endpoints that a client is told of.
	MaxPartitions = 1024
	// checkpointEvery and checkpointShare say after how many entries one is
	// written whole, which bounds what a start reads for one version: so many, and
	// a share of what a whole one has, so that a log of many segments does not
	// consist of repetitions.
	checkpointEvery = 64
	checkpointShare = 8
	// maxUploads bounds the uploads that a dataset remembers for those that
	// retry; a retry comes soon or never.
	maxUploads = 1024
)

// manifest is the entry that makes a version, or puts other segments with the
// same rows under the newest.
type manifest struct {
	Number  uint64    `json:"n"` // of the entry in its log
	Version uint64    `json:"version"`
	Parent  uint64    `json:"parent"` // the same version: nothing but the segments changed
	Nonce   string    `json:"nonce"`
	Created time.Time `json:"created"`
	Rows    int64     `json:"rows"`  // of the whole version
	Bytes   int64     `json:"bytes"` // of the whole version
	// Whole says that Partitions is everything. Otherwise each is added to the
	// parent's of its place, and those past the parent's last are new.
	Whole      bool            `json:"whole,omitempty"`
	Replace    bool            `json:"replace,omitempty"` // the segments do not extend the parent's
	Partitions []partition     `json:"partitions"`
	Schema     []byte          `json:"schema,omitempty"` // an IPC schema message; with Whole
	Uploads    []AppliedUpload `json:"uploads"`          // the newest last; with Whole those before as well
}

// partition is a part of a dataset that can be read by itself.
type partition struct {
	Added []Segment `json:"added,omitempty"`
}

// Segment is one file of a version.
type Segment struct {
	Upload string `json:"upload"` // the directory that the segment lies in
	Number int    `json:"n"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	Sum    uint32 `json:"sum"` // CRC-32C of the sidecar
	// Batches are those that compaction may join and has not seen.
	Batches int `json:"batches,omitempty"`
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
	case m.Number != n:
		return fmt.Errorf("it is entry %d", m.Number)
	case m.Version == 0 || (m.Parent != m.Version-1 && m.Parent != m.Version):
		return fmt.Errorf("version %d cannot follow %d", m.Version, m.Parent)
	case m.Parent == m.Version && !m.Replace:
		return fmt.Errorf("it makes version %d again", m.Version)
	case len(m.Partitions) == 0 || len(m.Partitions) > MaxPartitions:
		return fmt.Errorf("%d partitions, want 1 to %d", len(m.Partitions), MaxPartitions)
	case len(m.Uploads) == 0:
		return errors.New("no upload made it")
	case m.Whole && m.Schema == nil:
		return errors.New("no schema")
	case m.Replace && !m.Whole:
		return errors.New("it replaces its parent in part")
	}
	return m.checkSegments()
}

func (m *manifest) checkSegments() error {
	for _, p := range m.Partitions {
		for _, s := range p.Added {
			if err := s.check(); err != nil {
				return err
			}
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
