package store

import (
	"bytes"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// Memory is what bytes lie in that are not simply collected, such as a mapped
// segment. All methods are safe for concurrent use.
type Memory interface {
	Bytes() []byte
	// Retain keeps the bytes where they are until a Release more.
	Retain()
	Release()
}

// Message is a dictionary or record batch as it goes over the wire.
type Message struct {
	Header, Body []byte // a flatbuffer without a prefix, and what it points into
	AppMetadata  []byte // of the batch, as its writer sent it
	Rows         int64  // 0 for a dictionary
	// Memory is what Header and Body lie in, held by the scan until its next
	// call; nil: memory that is collected.
	Memory Memory
}

// Batch is a record on its way into a segment.
type Batch struct {
	Record arrow.RecordBatch
	// Header and Body are the message that Record was decoded from:
	// uncompressed, little-endian, of metadata version 5. Without them Record is
	// encoded.
	Header, Body []byte
	AppMetadata  []byte // comes back with the batch
}

// messageEncoder makes messages of records. It is an ipc.PayloadWriter.
type messageEncoder struct {
	writer  *ipc.Writer
	bodies  memory.Allocator
	pending []encodedMessage
	bounds  bool // the stats of messages are wanted
}

// encodedMessage is a message with what its record can contain.
type encodedMessage struct {
	Message

	stats Stats
}

func newMessageEncoder(schema *arrow.Schema, bodies memory.Allocator) *messageEncoder {
	e := &messageEncoder{bodies: bodies}
	e.writer = ipc.NewWriterWithPayloadWriter(e, ipc.WithSchema(schema))
	return e
}

// encode appends the messages of a record to those that are pending.
func (e *messageEncoder) encode(rec arrow.RecordBatch) error {
	return wire.Split(rec, targetBodyBytes, func(piece arrow.RecordBatch, _ int64) error {
		whole, err := compact(piece, arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW)
		if err != nil {
			return err
		}
		defer whole.Release()
		if err := e.writer.Write(whole); err != nil {
			return err
		}
		last := &e.pending[len(e.pending)-1]
		last.Rows = piece.NumRows()
		last.stats.Rows = last.Rows
		if e.bounds {
			last.stats = statsOf(whole)
		}
		return nil
	})
}

// take gives the message that is pending longest; there is one. The caller
// releases its memory.
func (e *messageEncoder) take() Message {
	m := e.pending[0].Message
	e.pending = e.pending[1:]
	return m
}

// forget lets go of what is pending.
func (e *messageEncoder) forget() {
	for _, m := range e.pending {
		m.Memory.Release()
	}
	e.pending = nil
}

// Start implements ipc.PayloadWriter.
func (e *messageEncoder) Start() error { return nil }

// Close implements ipc.PayloadWriter.
func (e *messageEncoder) Close() error { return nil }

// WritePayload implements ipc.PayloadWriter.
func (e *messageEncoder) WritePayload(p ipc.Payload) error {
	meta := p.Meta()
	defer meta.Release()
	m, err := parseMessage(meta.Bytes())
	if err != nil || m.kind == ipc.MessageSchema {
		return err
	}
	body := memory.NewResizableBuffer(e.bodies)
	body.Resize(int(m.bodyLength))
	if err := p.SerializeBody(&filler{body.Bytes()}); err != nil {
		body.Release()
		return err
	}
	e.pending = append(e.pending, encodedMessage{
		Message: Message{Header: bytes.Clone(meta.Bytes()), Body: body.Bytes(), Memory: body},
	})
	return nil
}

// EncodeSchemaMessage gives the header of a schema's message, with the ids that
// dictionaries have in segments.
func EncodeSchemaMessage(schema *arrow.Schema) ([]byte, error) {
	var e schemaEncoder
	err := ipc.NewWriterWithPayloadWriter(&e, ipc.WithSchema(schema)).Close()
	return e.header, err
}

// schemaEncoder is an ipc.PayloadWriter of a schema alone.
type schemaEncoder struct{ header []byte }

// Start implements ipc.PayloadWriter.
func (e *schemaEncoder) Start() error { return nil }

// Close implements ipc.PayloadWriter.
func (e *schemaEncoder) Close() error { return nil }

// WritePayload implements ipc.PayloadWriter.
func (e *schemaEncoder) WritePayload(p ipc.Payload) error {
	meta := p.Meta()
	defer meta.Release()
	e.header = bytes.Clone(meta.Bytes())
	return nil
}
