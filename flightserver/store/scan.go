package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Scan reads a partition of a version, as messages by Next or as records by
// Records. One goroutine uses it, and releases it.
type Scan struct {
	ctx      context.Context //nolint:containedctx // of the call that the scan serves
	name     string
	snapshot *Snapshot // nil where there is nothing to read
	segments []Segment // that are still to be opened
	schema   *arrow.Schema
	message  []byte // the schema's

	keep    func(Stats) bool // nil: everything
	room    *scanRoom
	source  source       // nil between segments
	current Segment      // what the source reads, or read last
	records recordReader // nil before Records
	// passing says that nobody else will read the same soon.
	passing bool
}

// recordReader is what Records gives.
type recordReader interface {
	array.RecordReader
	release()
}

// source gives the messages of one segment.
type source interface {
	// next gives a message, which is valid until the next call, or io.EOF.
	next() (Message, error)
	close() error
}

// Scan reads a partition of the snapshot, which it releases with itself. The
// context ends the reading; name is what errors call the dataset.
func (s *Snapshot) Scan(ctx context.Context, name string, partition int) (*Scan, error) {
	segments, err := s.version.of(name, partition)
	if err != nil {
		s.Release()
		return nil, err
	}
	return s.scan(ctx, name, segments)
}

// scan reads segments of the snapshot.
func (s *Snapshot) scan(ctx context.Context, name string, segments []Segment) (*Scan, error) {
	scan, err := NewEmptyScan(s.version.schema)
	if err != nil {
		s.Release()
		return nil, err
	}
	scan.ctx, scan.name, scan.snapshot, scan.segments = ctx, name, s, segments
	return scan, nil
}

// NewEmptyScan reads nothing.
func NewEmptyScan(schema *arrow.Schema) (*Scan, error) {
	message, err := EncodeSchemaMessage(schema)
	return &Scan{schema: schema, message: message, room: &scanRoom{Room: boundless{memory.DefaultAllocator}}}, err
}

// Schema is that of the version.
func (s *Scan) Schema() *arrow.Schema { return s.schema }

// SchemaMessage is the header of the message that those of Next follow.
func (s *Scan) SchemaMessage() []byte { return s.message }

// Prune passes over the batches of which keep says that none of their rows is
// wanted, as far as there are stats. It precedes Next and Records.
func (s *Scan) Prune(keep func(Stats) bool) { s.keep = keep }

// Records reads records, in place of Next. The reader is valid until Release,
// and needs none of its own.
func (s *Scan) Records() array.RecordReader {
	switch {
	case s.records != nil:
	case s.snapshot != nil && s.snapshot.dataset.format == FormatParquet:
		s.records = &parquetRecords{scanned{scan: s}}
	default:
		s.records = newRecords(s)
	}
	return s.records
}

// Next gives dictionaries and record batches in the order of the wire, and
// io.EOF at the end. A message is valid until the next call, or as long as its
// Memory is retained.
func (s *Scan) Next() (Message, error) {
	m, err := s.read()
	if err == nil || err == io.EOF { //nolint:errorlint // only a bare io.EOF is the end; a wrapped one is a cut file
		return m, err
	}
	return Message{}, s.explain(err)
}

// explain names what was read, and remembers where it is damaged.
func (s *Scan) explain(err error) error {
	d := s.snapshot.dataset
	if s.room.refused == nil {
		err = fmt.Errorf("segment %s: %w", s.current.name(d.id), err)
	}
	if errors.Is(err, ErrCorrupt) {
		d.store.metrics.corrupt.Inc()
		d.foundDamage(s.current, err)
	}
	return fmt.Errorf("dataset %q version %d: %w", s.name, s.snapshot.version.number, err)
}

func (s *Scan) read() (m Message, err error) {
	err = s.fromSource(func(from source) (err error) {
		m, err = from.next()
		return err
	})
	return m, err
}

// fromSource asks the segment that is open, and the next where it has ended.
func (s *Scan) fromSource(ask func(source) error) error {
	for {
		if s.source == nil {
			if err := s.open(); err != nil {
				return err
			}
		}
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if err := ask(s.source); err != io.EOF { //nolint:errorlint // as in Next
			return err
		}
		if err := s.closeSource(); err != nil {
			return err
		}
	}
}

// open begins with the next segment.
func (s *Scan) open() error {
	if len(s.segments) == 0 {
		return io.EOF
	}
	s.current, s.segments = s.segments[0], s.segments[1:]
	var err error
	s.source, err = s.openSource()
	return err
}

func (s *Scan) openSource() (source, error) {
	d := s.snapshot.dataset
	name := s.current.name(d.id)
	if d.format == FormatParquet {
		return s.openParquet(name, s.current)
	}
	m, err := d.store.mappings.acquire(s.ctx, name, s.current)
	if err != nil {
		return nil, err
	}
	source := &mappedSource{segment: m, keep: s.keep}
	if m.index.deltas && s.records == nil {
		return s.withoutDeltas(source), nil
	}
	return source, nil
}

func (s *Scan) closeSource() error {
	if s.source == nil {
		return nil
	}
	source := s.source
	s.source = nil
	return source.close()
}

// Release lets go of the version and of what Next and Records gave.
func (s *Scan) Release() {
	if s.records != nil {
		s.records.release()
	}
	_ = s.closeSource() // it was read to its end, or its end is of no interest
	if s.snapshot != nil {
		s.snapshot.Release()
	}
}

// mappedSource gives messages as they lie in a segment.
type mappedSource struct {
	segment *mappedSegment
	at      int // the message that comes next
	keep    func(Stats) bool
}

func (m *mappedSource) next() (Message, error) {
	x := m.segment.index
	for m.at < len(x.messages) && m.skips(x.messages[m.at]) {
		m.at++
	}
	if m.at == len(x.messages) {
		return Message{}, io.EOF
	}
	m.at++
	return m.segment.message(m.at - 1)
}

func (m *mappedSource) skips(x indexed) bool {
	return m.keep != nil && !x.dictionary && len(x.stats.Columns) > 0 && !m.keep(x.stats)
}

func (m *mappedSource) close() error {
	m.segment.Release()
	return nil
}
