package store

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// Scan reads a partition of a version, as messages by Next or as records by
// Records. One goroutine uses it, and releases it.
type Scan struct {
	schema  *arrow.Schema
	message []byte // the schema's
	records array.RecordReader

	encoder *messageEncoder // nil before Next
	writer  *ipc.Writer
}

// Scan reads the snapshot, which it releases with itself. The context ends the
// reading; name is what errors call the dataset.
func (s *Snapshot) Scan(ctx context.Context, name string, partition int) (*Scan, error) {
	if partition < 0 || partition >= len(s.version.partitions) {
		s.Release()
		return nil, fmt.Errorf("%w: dataset %q version %d has no partition %d", ErrVersionNotFound, name, s.version.number, partition)
	}
	return newScan(s.reader(ctx, name, s.version.partitions[partition].segments))
}

// NewEmptyScan reads nothing.
func NewEmptyScan(schema *arrow.Schema) (*Scan, error) {
	records, err := array.NewRecordReader(schema, nil)
	if err != nil {
		return nil, err
	}
	return newScan(records)
}

func newScan(records array.RecordReader) (*Scan, error) {
	message, err := EncodeSchemaMessage(records.Schema())
	if err != nil {
		records.Release()
		return nil, err
	}
	return &Scan{schema: records.Schema(), message: message, records: records}, nil
}

// Schema is that of the version.
func (s *Scan) Schema() *arrow.Schema { return s.schema }

// SchemaMessage is the header of the message that those of Next follow.
func (s *Scan) SchemaMessage() []byte { return s.message }

// Records reads records, in place of Next. The reader is valid until Release.
func (s *Scan) Records() array.RecordReader { return s.records }

// Next gives dictionaries and record batches in the order of the wire, and
// io.EOF at the end. A message is valid until the next call, or as long as its
// Memory is retained.
func (s *Scan) Next() (Message, error) {
	if s.encoder == nil {
		s.encoder = &messageEncoder{}
		s.writer = ipc.NewWriterWithPayloadWriter(s.encoder, ipc.WithSchema(s.schema))
	}
	for len(s.encoder.pending) == 0 {
		if !s.records.Next() {
			if err := s.records.Err(); err != nil {
				return Message{}, err
			}
			return Message{}, io.EOF
		}
		rec := s.records.RecordBatch()
		if err := s.writer.Write(rec); err != nil {
			return Message{}, err
		}
		if s.encoder.pending[0].isSchema() {
			s.encoder.pending = s.encoder.pending[1:]
		}
		s.encoder.pending[len(s.encoder.pending)-1].Rows = rec.NumRows()
	}
	m := s.encoder.pending[0]
	s.encoder.pending = s.encoder.pending[1:]
	return m, nil
}

func (m Message) isSchema() bool {
	parsed, err := parseMessage(m.Header)
	return err == nil && parsed.kind == ipc.MessageSchema
}

// Release lets go of the version and of what Next and Records gave.
func (s *Scan) Release() {
	if s.writer != nil {
		_ = s.writer.Close() // it ends no stream, only lets go of dictionaries
	}
	s.records.Release()
}
