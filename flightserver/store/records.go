package store

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// scanned is what an array.RecordReader has beside Next, where its scan releases
// it.
type scanned struct {
	scan   *Scan
	record arrow.RecordBatch
	err    error
}

func (s *scanned) Schema() *arrow.Schema          { return s.scan.schema }
func (s *scanned) RecordBatch() arrow.RecordBatch { return s.record }
func (s *scanned) Record() arrow.RecordBatch      { return s.record }
func (s *scanned) Err() error                     { return s.err }
func (s *scanned) Retain()                        {}
func (s *scanned) Release()                       {}

// records decodes the messages of a scan, where they lie.
type records struct {
	scanned

	messages *messageReader
	explain  func(error) error
	reader   *ipc.Reader // nil before the first record
}

func newRecords(s *Scan) *records {
	return &records{scanned: scanned{scan: s}, messages: &messageReader{schema: s.message, room: s.room, next: s.Next}, explain: s.explain}
}

// Next reads the next record, which is valid until the next call.
func (r *records) Next() bool {
	r.releaseRecord()
	if r.err != nil {
		return false
	}
	rec, err := r.read()
	switch {
	case err == nil:
		r.record = relabel(rec, r.scan.schema)
		return true
	case r.messages.err == io.EOF: //nolint:errorlint // as in Scan.Next
	case r.messages.err != nil:
		r.err = r.messages.err
	default:
		// What cannot be decoded though its checksum is right was written wrong.
		r.err = r.explain(fmt.Errorf("%w: %w", ErrCorrupt, err))
	}
	return false
}

func (r *records) read() (rec arrow.RecordBatch, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // the library makes an error of a panic
	if r.reader == nil {
		r.reader, err = ipc.NewReaderFromMessageReader(r.messages, ipc.WithAllocator(r.messages.room))
		if err != nil {
			return nil, err
		}
	}
	return r.reader.Read()
}

func (r *records) releaseRecord() {
	if r.record != nil {
		r.record.Release()
		r.record = nil
	}
}

func (r *records) release() {
	r.releaseRecord()
	if r.reader != nil {
		r.reader.Release()
	}
}

// messageReader is an ipc.MessageReader of a schema and what follows it.
type messageReader struct {
	schema []byte      // nil once it was read
	check  wire.Stream // of what the decoder would make room for unseen
	room   Room
	next   func() (Message, error)
	last   *ipc.Message
	err    error // the first of next and of the room; the decoder wraps it into words of its own
}

// Message implements ipc.MessageReader.
func (r *messageReader) Message() (*ipc.Message, error) {
	r.Release()
	if r.schema != nil {
		header := r.schema
		r.schema = nil
		if _, err := r.check.Check(header, nil); err != nil {
			return nil, err
		}
		return ipc.NewMessage(memory.NewBufferBytes(header), memory.NewBufferBytes(nil)), nil
	}
	m, err := r.next()
	if err != nil {
		r.err = err
		return nil, err
	}
	if _, err := r.check.Check(m.Header, m.Body); err != nil {
		return nil, err
	}
	if err := r.room.Reserve(r.check.Decompressed()); err != nil {
		r.err = err
		return nil, err
	}
	body := memory.NewBufferBytes(m.Body)
	if m.Memory != nil {
		m.Memory.Retain()
		body = memory.NewBufferWithAllocator(m.Body, releasing{m.Memory})
	}
	r.last = ipc.NewMessage(memory.NewBufferBytes(m.Header), body)
	body.Release() // the message has its own
	return r.last, nil
}

// Retain implements ipc.MessageReader.
func (r *messageReader) Retain() {}

// Release implements ipc.MessageReader.
func (r *messageReader) Release() {
	if r.last != nil {
		r.last.Release()
		r.last = nil
	}
}

// releasing is the allocator of what lies in a Memory: it takes back and gives
// nothing.
type releasing struct{ memory Memory }

func (releasing) Allocate(int) []byte           { panic("a message was to grow") }
func (releasing) Reallocate(int, []byte) []byte { panic("a message was to grow") }
func (r releasing) Free([]byte)                 { r.memory.Release() }
