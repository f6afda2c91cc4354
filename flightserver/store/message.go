package store

import (
	"bytes"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
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

// messageEncoder is an ipc.PayloadWriter that keeps messages in memory.
type messageEncoder struct {
	pending []Message
}

// Start implements ipc.PayloadWriter.
func (e *messageEncoder) Start() error { return nil }

// Close implements ipc.PayloadWriter.
func (e *messageEncoder) Close() error { return nil }

// WritePayload implements ipc.PayloadWriter.
func (e *messageEncoder) WritePayload(p ipc.Payload) error {
	meta := p.Meta()
	defer meta.Release()
	var body bytes.Buffer
	if err := p.SerializeBody(&body); err != nil {
		return err
	}
	e.pending = append(e.pending, Message{Header: bytes.Clone(meta.Bytes()), Body: body.Bytes()})
	return nil
}

// EncodeSchemaMessage gives the header of a schema's message, with the ids that
// dictionaries have in segments.
func EncodeSchemaMessage(schema *arrow.Schema) ([]byte, error) {
	e := &messageEncoder{}
	if err := ipc.NewWriterWithPayloadWriter(e, ipc.WithSchema(schema)).Close(); err != nil {
		return nil, err
	}
	return e.pending[0].Header, nil
}
