package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Snapshot holds one version's files until it is released.
type Snapshot struct {
	dataset *Dataset
	version *version
	once    sync.Once
}

// Release lets go of the files. Only the first call counts.
func (s *Snapshot) Release() {
	s.once.Do(func() { s.dataset.release(s.version.generation) })
}

// reader reads segments of the snapshot, which it releases with itself. The
// caller releases the reader. The context ends the reading; name is what errors
// call the dataset.
func (s *Snapshot) reader(ctx context.Context, name string, segments []Segment) array.RecordReader {
	r := &reader{ctx: ctx, name: name, snapshot: s, segments: segments}
	r.references.Store(1)
	return r
}

// reader is an array.RecordReader. Only one goroutine reads; any may retain
// and release.
type reader struct {
	ctx        context.Context //nolint:containedctx // RecordReader's methods take none
	name       string
	snapshot   *Snapshot
	segments   []Segment
	references atomic.Int64

	next    int            // the segment after the open one
	segment *segmentReader // nil between segments
	record  arrow.RecordBatch
	err     error
}

func (r *reader) Schema() *arrow.Schema          { return r.snapshot.version.schema }
func (r *reader) RecordBatch() arrow.RecordBatch { return r.record }
func (r *reader) Record() arrow.RecordBatch      { return r.record }
func (r *reader) Err() error                     { return r.err }
func (r *reader) Retain()                        { r.references.Add(1) }

func (r *reader) Release() {
	if r.references.Add(-1) != 0 {
		return
	}
	r.releaseRecord()
	_ = r.closeSegment() // it was read to its end, or its end is of no interest
	r.snapshot.Release()
}

// Next reads the next record, which is valid until the next call.
func (r *reader) Next() bool {
	r.releaseRecord()
	if r.err != nil {
		return false
	}
	rec, err := r.read()
	switch {
	case err == nil:
		r.record = relabel(rec, r.Schema())
		rec.Release()
		return true
	case err == io.EOF: //nolint:errorlint // only a bare io.EOF is the end; a wrapped one is a cut file
		return false
	}
	if errors.Is(err, ErrCorrupt) {
		r.snapshot.dataset.store.metrics.corrupt.Inc()
	}
	r.err = fmt.Errorf("dataset %q version %d: %w", r.name, r.snapshot.version.number, err)
	return false
}

func (r *reader) read() (arrow.RecordBatch, error) {
	for {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		if r.segment == nil {
			if err := r.openNext(); err != nil {
				return nil, err
			}
		}
		rec, err := r.segment.read()
		if err != io.EOF { //nolint:errorlint // as in Next
			return rec, err
		}
		if err := r.closeSegment(); err != nil {
			return nil, err
		}
	}
}

func (r *reader) openNext() error {
	if r.next == len(r.segments) {
		return io.EOF
	}
	d := r.snapshot.dataset
	s, err := openSegmentReader(r.ctx, d.store.segments, d.id, d.format, r.segments[r.next], r.Schema())
	if err != nil {
		return err
	}
	r.segment = s
	r.next++
	return nil
}

func (r *reader) closeSegment() error {
	if r.segment == nil {
		return nil
	}
	s := r.segment
	r.segment = nil
	return s.close()
}

func (r *reader) releaseRecord() {
	if r.record != nil {
		r.record.Release()
		r.record = nil
	}
}

// segmentReader reads one segment, verified.
type segmentReader struct {
	name    string
	local   *LocalSegment
	bytes   *verifiedReader
	decoder decoder
	left    int64 // rows that must still come
}

func openSegmentReader(ctx context.Context, from Segments, id string, f Format, s Segment, schema *arrow.Schema) (*segmentReader, error) {
	name := s.name(id)
	local, bytes, err := openVerified(ctx, from, id, s)
	if err != nil {
		return nil, err
	}
	r := &segmentReader{name: name, local: local, bytes: bytes, left: s.Rows}
	if r.decoder, err = newDecoder(f, bytes, schema); err != nil {
		return nil, errors.Join(r.explain(err), local.Close())
	}
	return r, nil
}

// openVerified opens a segment so that no byte of it is used unverified.
func openVerified(ctx context.Context, from Segments, id string, s Segment) (*LocalSegment, *verifiedReader, error) {
	name := s.name(id)
	local, err := from.Ensure(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, fmt.Errorf("segment %s: %w: %w", name, ErrCorrupt, err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("segment %s: %w", name, err)
	}
	sums, err := decodeSidecar(local.Sidecar, s.Sum)
	if err != nil {
		err = fmt.Errorf("segment %s: its sidecar %s%s: %w", name, name, sidecarSuffix, err)
		return nil, nil, errors.Join(err, local.Close())
	}
	if sums.size != s.Bytes {
		err = fmt.Errorf("segment %s: %w: sums for %d bytes, want %d", name, ErrCorrupt, sums.size, s.Bytes)
		return nil, nil, errors.Join(err, local.Close())
	}
	return local, newVerifiedReader(local, sums), nil
}

func (r *segmentReader) read() (arrow.RecordBatch, error) {
	rec, err := r.decoder.Next()
	if err == io.EOF && r.left != 0 { //nolint:errorlint // as in Next
		err = fmt.Errorf("%w: %d rows are missing", ErrCorrupt, r.left)
	}
	if err == io.EOF { //nolint:errorlint // as in Next
		return nil, err
	}
	if err != nil {
		return nil, r.explain(err)
	}
	r.left -= rec.NumRows()
	return rec, nil
}

// explain prefers what the volume said to what the decoder made of it. What
// cannot be decoded though its checksum is right was written wrong.
func (r *segmentReader) explain(err error) error {
	if failure := r.bytes.failure(); failure != nil {
		err = failure
	} else if !errors.Is(err, ErrCorrupt) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return fmt.Errorf("segment %s: %w", r.name, err)
}

func (r *segmentReader) close() error {
	return errors.Join(r.decoder.Close(), r.local.Close())
}
