package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

// Mode says what an upload does to the dataset.
type Mode string

// Modes of an upload. The empty mode is ModeReplace.
const (
	ModeCreate  Mode = "create"  // the dataset must not exist
	ModeReplace Mode = "replace" // the upload becomes the dataset, which may be new
	ModeAppend  Mode = "append"  // the dataset must exist
)

// ParseMode reads a mode that a client wrote; nothing is ModeReplace.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case "":
		return ModeReplace, nil
	case ModeCreate, ModeReplace, ModeAppend:
		return m, nil
	}
	return "", fmt.Errorf("mode %s is none of %s, %s and %s", quote(s), ModeCreate, ModeReplace, ModeAppend)
}

// UploadRequest says where an upload goes.
type UploadRequest struct {
	Path     []string
	Mode     Mode
	UploadID string // names the upload across retries; empty: a random one
	// Part is the place of a part among those of its parallel upload, and its
	// name across retries. Parts without come last, in the order they begin in.
	Part   *int64
	Schema *arrow.Schema
}

// Upload is a stream of records on its way to one new version. It is used by
// one goroutine, and ends with Commit or Abort.
type Upload struct {
	catalog *Catalog
	ctx     context.Context //nolint:containedctx // of the stream that NewUpload began
	request UploadRequest
	name    string

	entry  *entry        // nil where the upload makes the dataset
	birth  *birth        // nil where the dataset is there
	part   *part         // nil where the upload is whole
	writer *store.Writer // nil where the upload was applied before

	writers []*store.Writer // whose segments are committed together

	rows      int64
	committed *Dataset
	ended     bool
}

// NewUpload begins an upload. Nothing of it is visible before Commit. The
// context ends the upload's writing.
//
// An upload with the id of one that was committed is not stored again: its
// Commit answers with the version that the first one made.
// An upload with the id of a parallel upload is a part of it.
func (c *Catalog) NewUpload(ctx context.Context, r UploadRequest) (*Upload, error) {
	u, err := c.newUpload(ctx, r)
	if err != nil {
		return nil, err
	}
	if isParallelID(r.UploadID) {
		p, err := c.parallel(r.UploadID)
		if err != nil {
			return nil, err
		}
		return u, p.join(u)
	}
	if r.UploadID == "" {
		u.request.UploadID = store.RandomID()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.closed {
		return nil, ErrClosed
	}
	e, err := c.find(u.name)
	switch {
	case err == nil:
		err = u.intoLocked(e)
	case errors.Is(err, ErrDatasetNotFound) && u.request.Mode != ModeAppend:
		err = u.intoNewLocked()
	}
	if err != nil {
		return nil, err
	}
	return u, nil
}

// newUpload checks a request.
func (c *Catalog) newUpload(ctx context.Context, r UploadRequest) (*Upload, error) {
	u := &Upload{catalog: c, ctx: ctx, request: r, name: joinPath(r.Path)}
	if err := checkName(u.name); err != nil {
		return nil, err
	}
	if r.Part != nil && (*r.Part < 0 || !isParallelID(r.UploadID)) {
		return nil, fmt.Errorf("%w: part %d of %s: parts count from 0, in an upload that was begun as a parallel one", ErrBadUpload, *r.Part, quote(r.UploadID))
	}
	mode, err := ParseMode(string(r.Mode))
	u.request.Mode = mode
	return u, err
}

// intoLocked prepares an upload into a dataset that is there.
func (u *Upload) intoLocked(e *entry) error {
	u.entry = e
	if v, ok := e.data().Applied(u.request.UploadID); ok {
		d := e.at(v)
		u.committed = &d
		return nil
	}
	if u.request.Mode == ModeCreate {
		return fmt.Errorf("%w: %s", ErrDatasetExists, quote(u.name))
	}
	schema, err := u.target(e)
	if err == nil {
		err = u.begin(schema)
	}
	return about(u.name, err)
}

// data is that of the dataset that the upload goes into.
func (u *Upload) data() *store.Dataset {
	if u.birth != nil {
		return u.birth.data
	}
	return u.entry.data()
}

func (u *Upload) begin(schema *arrow.Schema) (err error) {
	u.writer, err = u.data().NewWriter(schema)
	u.writers = []*store.Writer{u.writer}
	return err
}

// target is the schema that the records are stored under: an append's is that
// of what it extends, a declared one says which nulls there may be, and else
// the stream's own holds.
func (u *Upload) target(e *entry) (*arrow.Schema, error) {
	own := u.request.Schema
	newest := e.newest()
	switch {
	case u.request.Mode == ModeAppend && newest.Version > 0:
		return newest.Schema, store.CheckAssignable(newest.Schema, own)
	case e.schema == nil:
		return own, nil
	}
	if err := store.CheckAssignable(e.schema, own); err != nil {
		return nil, err
	}
	fields := own.Fields()
	for i := range fields {
		fields[i].Nullable = e.schema.Field(i).Nullable
	}
	metadata := own.Metadata()
	return arrow.NewSchema(fields, &metadata), nil
}

// intoNewLocked prepares an upload into a new name.
func (u *Upload) intoNewLocked() error {
	u.bearLocked()
	err := u.begin(u.request.Schema)
	if err != nil {
		u.endLocked()
	}
	return about(u.name, err)
}

// bearLocked makes the upload one of those that may make a dataset.
func (u *Upload) bearLocked() {
	births := u.catalog.mu.births
	b := births[u.name]
	if b == nil {
		b = u.catalog.newBirth(formatOf(u.name))
		births[u.name] = b
	}
	b.uploads++
	u.birth = b
}

// ID names the upload across retries.
func (u *Upload) ID() string { return u.request.UploadID }

// Rows is the number of rows written so far.
func (u *Upload) Rows() int64 { return u.rows }

// Write adds a record. It does not keep rec: the caller releases it.
func (u *Upload) Write(rec arrow.RecordBatch) error { return u.WriteBatch(Batch{Record: rec}) }

// WriteBatch adds a batch, of which it keeps nothing.
func (u *Upload) WriteBatch(b Batch) error {
	if u.writer != nil {
		if err := u.ctx.Err(); err != nil {
			return err
		}
		if err := u.writer.Write(u.ctx, b); err != nil {
			return about(u.name, err)
		}
	}
	if u.part != nil {
		u.part.parallel.touch()
	}
	u.rows += b.Record.NumRows()
	return nil
}

// Buffer gives room for the body of a batch, on a boundary of 64 bytes. A Batch
// whose Body lies there may be written without being copied. It is valid until
// the next Buffer or Write.
func (u *Upload) Buffer(n int) []byte {
	if u.writer == nil {
		return make([]byte, n)
	}
	return u.writer.Buffer(n)
}

// Commit makes the upload durable and visible, whole, as one new version.
// After an error it may be tried again; ErrOutcomeUnknown says that the version
// may appear nevertheless.
func (u *Upload) Commit(ctx context.Context) (Dataset, error) {
	switch {
	case u.committed != nil:
		return *u.committed, nil
	case u.ended:
		return Dataset{}, about(u.name, errors.New("the upload was aborted"))
	}
	// Syncing the data takes long, and needs no lock.
	for _, w := range u.writers {
		if err := w.Flush(); err != nil {
			return Dataset{}, about(u.name, err)
		}
	}
	d, err := u.commit(ctx)
	if err != nil {
		return Dataset{}, err
	}
	u.committed = &d
	u.end()
	return d, nil
}

func (u *Upload) commit(ctx context.Context) (Dataset, error) {
	switch {
	case u.part != nil:
		return u.part.commit(ctx, u)
	case u.birth != nil:
		return u.commitBirth(ctx)
	}
	// By its id, since the dataset may have another name by now.
	e := u.catalog.names.Load().byID.get(u.entry.id)
	if e == nil {
		return Dataset{}, about(u.name, store.ErrDropped)
	}
	return u.commitInto(ctx, e)
}

// commitBirth makes the dataset, unless another upload or a declaration did.
func (u *Upload) commitBirth(ctx context.Context) (Dataset, error) {
	c := u.catalog
	c.mu.Lock()
	defer c.mu.Unlock()
	e, err := c.find(u.name)
	switch {
	case err == nil && u.request.Mode == ModeCreate:
		if _, mine := e.data().Applied(u.request.UploadID); !mine {
			return Dataset{}, fmt.Errorf("%w: %s, another upload made it meanwhile", ErrDatasetExists, quote(u.name))
		}
		return u.commitInto(ctx, e)
	case err == nil:
		return u.commitInto(ctx, e)
	case !errors.Is(err, ErrDatasetNotFound):
		return Dataset{}, err
	}
	if _, err := u.data().Commit(ctx, u.request.UploadID, true, u.writers...); err != nil {
		return Dataset{}, about(u.name, err)
	}
	create := &createEntry{ID: u.birth.data.ID(), Path: u.request.Path, Format: u.birth.format}
	if err := c.createLocked(ctx, u.birth, create); err != nil {
		return Dataset{}, about(u.name, err)
	}
	return c.Dataset(u.name)
}

// commitInto adds a version to a dataset that is there.
func (u *Upload) commitInto(ctx context.Context, e *entry) (Dataset, error) {
	if e.data() != u.data() {
		return Dataset{}, fmt.Errorf("%w: %s was made anew meanwhile, upload again", ErrDatasetExists, quote(u.name))
	}
	if e.schema != nil {
		if err := store.CheckAssignable(e.schema, u.writers[0].Schema()); err != nil {
			return Dataset{}, about(u.name, err)
		}
	}
	v, err := u.data().Commit(ctx, u.request.UploadID, u.request.Mode != ModeAppend, u.writers...)
	if err != nil {
		return Dataset{}, about(u.name, err)
	}
	return e.at(v), nil
}

// Abort leaves nothing of the upload, unless a commit's outcome is unknown. It
// does nothing after Commit succeeded.
func (u *Upload) Abort() error {
	if u.committed != nil || u.ended {
		return nil
	}
	ctx := context.WithoutCancel(u.ctx)
	var err error
	if u.part != nil {
		err = u.part.abort(ctx)
	} else {
		err = u.writer.Abort(ctx)
	}
	u.end()
	return about(u.name, err)
}

// end lets go of a birth. A dataset that no entry came to name is removed.
func (u *Upload) end() {
	u.catalog.mu.Lock()
	defer u.catalog.mu.Unlock()
	u.endLocked()
}

func (u *Upload) endLocked() {
	if u.ended {
		return
	}
	u.ended = true
	if u.birth != nil {
		u.birth.uploads--
		u.catalog.endBirthLocked(u.name, u.birth)
	}
}
