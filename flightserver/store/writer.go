package store

import (
	"context"
	"errors"
	"hash/crc32"

	"github.com/apache/arrow-go/v18/arrow"
)

// Writer writes the segments of one upload. It is used by one goroutine, and
// ends with Commit or Abort.
type Writer struct {
	dataset *Dataset
	upload  string // the directory of its segments, never that of another upload
	schema  *arrow.Schema
	bounded bool  // by quotas and the volume's free space, as compaction is not
	counted int64 // towards quotas, until the upload ends

	open     *openSegment // nil between segments
	segments []Segment
	rows     int64
	bytes    int64

	err   error // of Write; what follows it is refused
	state writerState
}

type writerState int

const (
	writing   writerState = iota
	uncertain             // a commit's outcome is unknown: the files may be part of a version
	finished
)

type openSegment struct {
	file    SegmentWriter
	encoder encoder
	rows    int64
	batches int
}

// NewWriter begins an upload of records that are stored under the schema. It
// fails with ErrUnsupportedType where the dataset's format cannot hold it.
func (d *Dataset) NewWriter(schema *arrow.Schema) (*Writer, error) {
	if d.store.isClosed() {
		return nil, ErrClosed
	}
	if err := CheckSupported(d.format, schema); err != nil {
		return nil, err
	}
	if err := d.admit(); err != nil {
		return nil, err
	}
	w, err := d.newWriter(schema)
	if err == nil {
		w.bounded = true
	}
	return w, err
}

// newWriter begins an upload that is not counted against a quota.
func (d *Dataset) newWriter(schema *arrow.Schema) (*Writer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.dropped {
		return nil, ErrDropped
	}
	d.mu.holders++
	return &Writer{dataset: d, upload: RandomID(), schema: schema}, nil
}

// Buffer gives room for the body of a batch, on a boundary of 64 bytes, which is
// valid until the next Buffer or Write.
func (w *Writer) Buffer(n int) []byte {
	if w.open == nil {
		return make([]byte, n)
	}
	return w.open.encoder.Buffer(n)
}

// Write adds a batch, whose schema must be assignable to the writer's. It keeps
// nothing of it.
func (w *Writer) Write(ctx context.Context, b Batch) error {
	switch {
	case w.err != nil:
		return w.err
	case w.state != writing:
		return ErrClosed
	}
	if err := validate(b.Record, w.schema); err != nil {
		w.err = err
		return err
	}
	if w.bounded {
		if w.err = w.dataset.admit(); w.err != nil {
			return w.err
		}
	}
	b.Record = relabel(b.Record, w.schema)
	defer b.Record.Release()
	w.err = w.write(ctx, b)
	return w.err
}

// count adds what the upload has to what the quotas bound, until it is a
// version's or gone.
func (w *Writer) count(written int64) {
	if w.bounded {
		w.dataset.countUpload(written - w.counted)
		w.counted = written
	}
}

// write tries again in a new segment when the open one cannot take the record.
func (w *Writer) write(ctx context.Context, b Batch) error {
	for try := 0; ; try++ {
		if w.open == nil {
			if err := w.begin(ctx); err != nil {
				return err
			}
		}
		err := w.open.encoder.Write(b)
		switch {
		case err == nil:
			w.open.rows += b.Record.NumRows()
			w.count(w.bytes + w.open.encoder.Size())
			w.open.batches++
			if w.open.encoder.Full() || w.open.encoder.Size() >= w.dataset.store.options.MaxSegmentBytes {
				return w.end()
			}
			return nil
		case !errors.Is(err, errSegmentFull) || try > 0:
			return err
		}
		if err := w.end(); err != nil {
			return err
		}
	}
}

func (w *Writer) begin(ctx context.Context) error {
	s := Segment{Upload: w.upload, Number: len(w.segments)}
	file, err := w.dataset.store.segments.Create(ctx, s.name(w.dataset.id))
	if err != nil {
		return err
	}
	e, err := newEncoder(w.dataset, file, w.schema)
	if err != nil {
		return errors.Join(err, file.Abort())
	}
	w.open = &openSegment{file: file, encoder: e}
	return nil
}

// end makes the open segment durable.
func (w *Writer) end() error {
	if w.open == nil {
		return nil
	}
	o := w.open
	w.open = nil
	sidecar, err := o.encoder.Close()
	if err == nil {
		err = o.file.Close(sidecar)
	}
	if err != nil {
		return errors.Join(err, o.file.Abort())
	}
	w.segments = append(w.segments, Segment{
		Upload: w.upload, Number: len(w.segments),
		Rows: o.rows, Bytes: o.encoder.Size(), Sum: crc32.Checksum(sidecar, castagnoli),
		Batches: w.joinable(o.batches),
	})
	w.rows += o.rows
	w.bytes += o.encoder.Size()
	w.count(w.bytes)
	w.dataset.store.metrics.segments.Inc()
	w.dataset.store.metrics.written.Add(float64(o.encoder.Size()))
	return nil
}

// joinable tells how many of a segment's batches compaction may join: none of
// those that it wrote itself, nor of what it passes on.
func (w *Writer) joinable(batches int) int {
	if !w.bounded || w.dataset.format != FormatArrow || hasDictionary(w.schema) {
		return 0
	}
	return batches
}

// Flush makes what was written durable, still invisible. Commit does so too;
// to call it before keeps the time that Commit takes short.
func (w *Writer) Flush() error {
	if w.err == nil {
		w.err = w.end()
	}
	return w.err
}

// Schema is what the records are stored under.
func (w *Writer) Schema() *arrow.Schema { return w.schema }

// Commit is Dataset.Commit of this writer alone.
func (w *Writer) Commit(ctx context.Context, upload string, replace bool) (Version, error) {
	return w.dataset.Commit(ctx, upload, replace, w)
}

// Abort removes the upload's files, unless they may be part of a version: then
// the next start decides. It does nothing after Commit succeeded.
func (w *Writer) Abort(ctx context.Context) error {
	if w.state == finished {
		return nil
	}
	var err error
	if w.open != nil {
		// Closing frees what the encoder holds; what it writes is removed.
		_, _ = w.open.encoder.Close()
		err = w.open.file.Abort()
		w.open = nil
	}
	if w.state == writing {
		err = errors.Join(err, w.remove(ctx))
	}
	w.finish()
	return err
}

func (w *Writer) remove(ctx context.Context) error {
	return w.dataset.store.segments.Delete(ctx, uploadName(w.dataset.id, w.upload))
}

func (w *Writer) finish() {
	w.state = finished
	w.count(0)
	d := w.dataset
	d.mu.Lock()
	d.mu.holders--
	dropped := d.mu.dropped
	d.mu.Unlock()
	if dropped {
		d.store.wakeSweeper()
	}
}
