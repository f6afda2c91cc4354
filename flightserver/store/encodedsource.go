package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
)

// decoder reads records.
type decoder interface {
	// Next gives the next record, which is valid until the next call, or io.EOF.
	Next() (arrow.RecordBatch, error)
	Close() error
}

// encodedSource makes messages of records.
type encodedSource struct {
	records decoder
	encoder *messageEncoder
}

func newEncodedSource(records decoder, schema *arrow.Schema) *encodedSource {
	return &encodedSource{records: records, encoder: newMessageEncoder(schema)}
}

func (s *encodedSource) next() (Message, error) {
	for len(s.encoder.pending) == 0 {
		rec, err := s.records.Next()
		if err != nil {
			return Message{}, err
		}
		if err := s.encoder.encode(rec); err != nil {
			return Message{}, err
		}
	}
	return s.encoder.take(), nil
}

func (s *encodedSource) close() error {
	_ = s.encoder.writer.Close() // it ends no stream, and lets go of dictionaries
	return s.records.Close()
}

// withoutDeltas gives messages with whole dictionaries, for clients that do not
// know how to extend one.
func (s *Scan) withoutDeltas(m *mappedSource) (source, error) {
	d := &mappedDecoder{scan: s, source: m}
	return newEncodedSource(d, s.schema), nil
}

// mappedDecoder decodes one segment.
type mappedDecoder struct {
	scan    *Scan
	source  *mappedSource
	records *records // nil before the first record
}

func (d *mappedDecoder) Next() (arrow.RecordBatch, error) {
	if d.records == nil {
		d.records = newRecords(d.scan)
		d.records.messages.next = d.source.next
		d.records.explain = func(err error) error { return err } // the scan will
	}
	if d.records.Next() {
		return d.records.RecordBatch(), nil
	}
	if d.records.err != nil {
		return nil, d.records.err
	}
	return nil, io.EOF
}

func (d *mappedDecoder) Close() error {
	if d.records != nil {
		d.records.release()
	}
	return d.source.close()
}

// parquetSegment reads a Parquet segment, verified.
type parquetSegment struct {
	local   *LocalSegment
	bytes   *verifiedReader
	decoder *parquetDecoder
	record  arrow.RecordBatch
	left    int64 // rows that must still come
}

// openParquet decodes a segment from below.
func openParquet(ctx context.Context, from Segments, name string, s Segment, schema *arrow.Schema) (source, error) {
	local, bytes, err := openVerified(ctx, from, name, s)
	if err != nil {
		return nil, err
	}
	p := &parquetSegment{local: local, bytes: bytes, left: s.Rows}
	if p.decoder, err = newParquetDecoder(bytes, schema); err != nil {
		return nil, errors.Join(p.explain(err), local.Close())
	}
	return newEncodedSource(p, schema), nil
}

func (p *parquetSegment) Next() (arrow.RecordBatch, error) {
	p.releaseRecord()
	rec, err := p.decoder.Next()
	if err == io.EOF && p.left != 0 { //nolint:errorlint // as in Scan.Next
		err = fmt.Errorf("%w: %d rows are missing", ErrCorrupt, p.left)
	}
	if err == io.EOF { //nolint:errorlint // as in Scan.Next
		return nil, err
	}
	if err != nil {
		return nil, p.explain(err)
	}
	p.left -= rec.NumRows()
	p.record = rec
	return rec, nil
}

// explain prefers what the volume said to what the decoder made of it. What
// cannot be decoded though its checksum is right was written wrong.
func (p *parquetSegment) explain(err error) error {
	if failure := p.bytes.failure(); failure != nil {
		return failure
	}
	if !errors.Is(err, ErrCorrupt) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

func (p *parquetSegment) releaseRecord() {
	if p.record != nil {
		p.record.Release()
		p.record = nil
	}
}

func (p *parquetSegment) Close() error {
	p.releaseRecord()
	return errors.Join(p.decoder.Close(), p.local.Close())
}
