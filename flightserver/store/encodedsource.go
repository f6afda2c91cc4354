package store

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// decoder reads records.
type decoder interface {
	// Next gives the next record, which is valid until the next call, or io.EOF.
	Next() (arrow.RecordBatch, error)
	Close() error
}

// encodedSource makes messages of records, or gives them as they are.
type encodedSource struct {
	records decoder
	room    Room
	encoder *messageEncoder
	given   Memory       // of the message that was given last; nil: there was none
	fill    *decodedFill // what keeps the messages; may be nil
}

// newEncodedSource asks the room for bodies, which an allocator in it makes.
func newEncodedSource(records decoder, schema *arrow.Schema, room Room, bodies memory.Allocator) *encodedSource {
	return &encodedSource{records: records, room: room, encoder: newMessageEncoder(schema, bodies)}
}

// keepIn has the messages written into the cache, with bounds of their columns
// or without.
func (s *encodedSource) keepIn(f *decodedFill, bounds bool) {
	s.fill, s.encoder.bounds = f, f != nil && bounds
}

func (s *encodedSource) next() (Message, error) {
	s.letGo()
	for len(s.encoder.pending) == 0 {
		rec, err := s.read()
		if err != nil {
			return Message{}, err
		}
		size, err := bodyBytes(rec)
		if err != nil {
			return Message{}, err
		}
		if err := s.room.Reserve(size); err != nil {
			return Message{}, err
		}
		if err := s.encode(rec); err != nil {
			return Message{}, err
		}
	}
	m := s.encoder.take()
	s.given = m.Memory
	return m, nil
}

func (s *encodedSource) letGo() {
	if s.given != nil {
		s.given.Release()
		s.given = nil
	}
}

// record gives the next record instead of its messages.
func (s *encodedSource) record() (arrow.RecordBatch, error) {
	rec, err := s.read()
	if err != nil || s.fill == nil {
		return rec, err
	}
	if err := s.encode(rec); err != nil {
		s.fill.fail(err)
		s.keepIn(nil, false)
	}
	s.encoder.forget()
	return rec, nil
}

func (s *encodedSource) read() (arrow.RecordBatch, error) {
	rec, err := s.records.Next()
	if err == io.EOF && s.fill != nil { //nolint:errorlint // as in Scan.Next
		s.fill.finish()
	}
	return rec, err
}

// bodyBytes is about the size of the body of a record's message.
func bodyBytes(rec arrow.RecordBatch) (n int64, err error) {
	defer wrongly(&err)
	defer recovered(&err, "measuring")
	return wire.BodyBytes(rec), nil
}

// wrongly says of what cannot be encoded though it was verified that it was
// written wrong.
func wrongly(err *error) {
	if *err != nil {
		*err = fmt.Errorf("%w: %w", ErrCorrupt, *err)
	}
}

// encode makes messages of a record.
func (s *encodedSource) encode(rec arrow.RecordBatch) (err error) {
	defer wrongly(&err)
	defer recovered(&err, "encoding")
	if err := s.encoder.encode(rec); err != nil {
		return err
	}
	if s.fill == nil {
		return nil
	}
	for _, m := range s.encoder.pending {
		s.fill.add(m)
	}
	if s.fill.ended {
		s.keepIn(nil, false)
	}
	return nil
}

func (s *encodedSource) close() error {
	if s.fill != nil {
		s.fill.abandon() // unless all was read
	}
	s.letGo()
	s.encoder.forget()
	_ = s.encoder.writer.Close() // it ends no stream, and lets go of dictionaries
	return s.records.Close()
}

// withoutDeltas gives messages with whole dictionaries, for clients that do not
// know how to extend one.
func (s *Scan) withoutDeltas(m *mappedSource) source {
	return newEncodedSource(&mappedDecoder{scan: s, source: m}, s.schema, s.room, s.room)
}

// mappedDecoder decodes the messages of one segment.
type mappedDecoder struct {
	scan    *Scan
	source  source
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
