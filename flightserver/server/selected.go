package server

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/filter"
	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// What a filter leaves of a batch may be little. It is gathered until it is
// worth a message.
const (
	gatherRows  = 64 << 10
	gatherBytes = 1 << 20
)

// selected reads what a selection leaves of scans, one after the other. It is an
// array.RecordReader of one goroutine; a record is good until the next one.
type selected struct {
	ctx context.Context //nolint:containedctx // of the call that reads
	selection

	in   *decoding
	open func(partition int) (*catalog.Scan, error)
	rest span // still to be opened
	scan *catalog.Scan
	left int64 // rows within the limit

	looked func(rows int64) // is told of each record that was read or needed not be; nil: nobody is

	pending []arrow.RecordBatch // gathered, to be handed out in their order
	rows    int64               // of them
	bytes   int64
	ended   bool

	record arrow.RecordBatch
	err    error
}

// reader reads what is selected of some partitions, and ends the memory that it
// decodes in. The caller releases it.
func (s selection) reader(ctx context.Context, in *decoding, of span, open func(partition int) (*catalog.Scan, error)) *selected {
	return &selected{ctx: compute.WithAllocator(ctx, in), selection: s, left: s.limit, in: in, open: open, rest: of}
}

// Schema is that of what is selected.
func (s *selected) Schema() *arrow.Schema { return s.schema }

// Err is what ended the reading before its end.
func (s *selected) Err() error { return s.err }

// RecordBatch is the record that Next came to.
func (s *selected) RecordBatch() arrow.RecordBatch { return s.record }

// Record is RecordBatch by its old name.
func (s *selected) Record() arrow.RecordBatch { return s.record }

// Retain does nothing: the reader has one owner.
func (s *selected) Retain() {}

// Release lets go of everything.
func (s *selected) Release() {
	s.forget()
	for _, r := range s.pending {
		r.Release()
	}
	s.pending = nil
	s.closeScan()
	s.in.close()
}

func (s *selected) forget() {
	if s.record != nil {
		s.record.Release()
		s.record = nil
	}
}

func (s *selected) closeScan() {
	if s.scan != nil {
		s.scan.Release()
		s.scan = nil
	}
}

// Next comes to the next record, if there is one.
func (s *selected) Next() bool {
	s.forget()
	for s.err == nil && !s.ended && !s.enough() {
		s.err = s.read()
	}
	if s.err != nil || len(s.pending) == 0 {
		return false
	}
	s.record = s.take()
	return true
}

// enough says that what is gathered is worth a message. What no filter made
// small is as its writer wanted it.
func (s *selected) enough() bool {
	return len(s.pending) > 0 && s.filter == nil || s.rows >= gatherRows || s.bytes >= gatherBytes
}

// take gives what is gathered as one record, where that can be made, else the
// first of what is gathered.
func (s *selected) take() arrow.RecordBatch {
	taken, n := s.pending[0], 1
	if len(s.pending) > 1 {
		if joined, ok := filter.Join(s.ctx, s.pending); ok {
			for _, r := range s.pending {
				r.Release()
			}
			taken, n = joined, len(s.pending)
		}
	}
	if s.pending = s.pending[n:]; len(s.pending) == 0 {
		s.rows, s.bytes = 0, 0
	}
	return taken
}

// read gathers what is selected of one record.
func (s *selected) read() error {
	if s.left == 0 {
		s.ended = true
		return nil
	}
	if s.scan == nil {
		return s.openNext()
	}
	records := s.scan.Records()
	if !records.Next() {
		err := records.Err()
		s.closeScan()
		return err
	}
	if s.looked != nil {
		s.looked(records.RecordBatch().NumRows())
	}
	return s.choose(records.RecordBatch())
}

func (s *selected) openNext() (err error) {
	if s.rest.Count == 0 {
		s.ended = true
		return nil
	}
	if s.scan, err = s.open(s.rest.First); err != nil {
		return err
	}
	s.scan.DecodeIn(s.in)
	if s.filter != nil {
		s.scan.Prune(keeper(s.ctx, s.filter, s.scan.Schema(), s.looked))
	}
	s.rest.First++
	s.rest.Count--
	return nil
}

func (s *selected) choose(record arrow.RecordBatch) error {
	projected := s.project(record)
	defer projected.Release()
	if s.filter == nil {
		return s.gather(projected)
	}
	// What is selected is copied, also where the rest was read where it lies.
	if err := s.in.Reserve(wire.BodyBytes(projected)); err != nil {
		return err
	}
	mask, err := s.filter.Mask(s.ctx, record)
	if err != nil {
		return err
	}
	defer mask.Release()
	return filter.Select(s.ctx, projected, mask, s.gather)
}

// project gives the columns that are asked for. The caller releases the record.
func (s *selected) project(record arrow.RecordBatch) arrow.RecordBatch {
	if s.columns == nil {
		record.Retain()
		return record
	}
	columns := make([]arrow.Array, len(s.columns))
	for i, at := range s.columns {
		columns[i] = record.Column(at)
	}
	return array.NewRecordBatch(s.schema, columns, record.NumRows())
}

// gather keeps as many of a record's rows as the limit allows.
func (s *selected) gather(record arrow.RecordBatch) error {
	rows := record.NumRows()
	if s.left == 0 || rows == 0 {
		return nil
	}
	if s.left != noLimit {
		rows = min(rows, s.left)
		s.left -= rows
	}
	kept := record.NewSlice(0, rows)
	s.pending = append(s.pending, kept)
	s.rows += rows
	s.bytes += wire.BodyBytes(kept)
	return nil
}
