package catalog

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// Mode says what an upload does to the dataset.
type Mode string

// Modes of an upload. The empty mode is ModeReplace.
const (
	ModeCreate  Mode = "create"  // the dataset must not exist
	ModeReplace Mode = "replace" // the upload becomes the dataset, which may be new
	ModeAppend  Mode = "append"  // the dataset must exist
)

// UploadRequest says where an upload goes.
type UploadRequest struct {
	Path     []string
	Mode     Mode
	UploadID string // names the upload across retries; empty: a random one
	Schema   *arrow.Schema
}

// Upload is a stream of records on its way to one new version. It is used by
// one goroutine, and ends with Commit or Abort.
type Upload struct {
	c    *Catalog
	req  UploadRequest
	recs []arrow.RecordBatch
	rows int64
	size int64
	done bool
}

// NewUpload begins an upload. Nothing of it is visible before Commit.
func (c *Catalog) NewUpload(ctx context.Context, r UploadRequest) (*Upload, error) {
	name := strings.Join(r.Path, "/")
	if err := checkName(name); err != nil {
		return nil, err
	}
	if r.Mode == "" {
		r.Mode = ModeReplace
	}
	d, err := c.Dataset(name)
	if err == nil && r.Mode == ModeCreate {
		return nil, fmt.Errorf("%w: %s", ErrDatasetExists, quote(name))
	}
	if err != nil && r.Mode == ModeAppend {
		return nil, err
	}
	if r.Mode == ModeAppend && d.Schema != nil && !d.Schema.Equal(r.Schema) {
		return nil, ErrSchemaMismatch
	}
	return &Upload{c: c, req: r}, nil
}

// Write adds a record. It does not keep rec: the caller releases it.
func (u *Upload) Write(rec arrow.RecordBatch) error {
	rec.Retain()
	u.recs = append(u.recs, rec)
	u.rows += rec.NumRows()
	u.size += rec.NumRows() * rec.NumCols() * 8
	return nil
}

// Rows is the number of rows written so far.
func (u *Upload) Rows() int64 { return u.rows }

// Commit makes the upload durable and visible, whole, as one new version.
func (u *Upload) Commit(ctx context.Context) (Dataset, error) {
	c := u.c
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.datasets[strings.Join(u.req.Path, "/")]
	if !ok {
		e = c.createLocked(u.req.Path)
	}
	recs := u.recs
	if u.req.Mode == ModeAppend {
		recs = append(append([]arrow.RecordBatch(nil), e.versions[e.Version]...), recs...)
		e.Rows += u.rows
		e.Bytes += u.size
	} else {
		e.Rows, e.Bytes, e.Schema = u.rows, u.size, u.req.Schema
	}
	e.Version++
	e.Created = time.Now()
	e.versions[e.Version] = recs
	u.done = true
	return e.Dataset, nil
}

// Abort leaves nothing of the upload. It does nothing after Commit.
func (u *Upload) Abort() error { return nil }
