package server

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// received reads records from the messages of an upload. An error names the
// message. The values of a record are unchecked until the catalog takes it.
type received struct {
	*ipc.Reader
	messages *messages
}

// receive begins with the schema, which it waits for.
func receive(m *messages) (*received, error) {
	reader, err := ipc.NewReaderFromMessageReader(m)
	if err != nil {
		return nil, m.explain(err)
	}
	return &received{Reader: reader, messages: m}, nil
}

// next gives the next batch, which is good until the one after it; one without a
// record at the end of the stream.
func (r *received) next() (catalog.Batch, error) {
	if !r.Reader.Next() {
		if err := r.Reader.Err(); err != nil {
			return catalog.Batch{}, r.messages.explain(err)
		}
		return catalog.Batch{}, r.messages.err
	}
	batch := r.messages.batch
	batch.Record = r.RecordBatch()
	return batch, nil
}

// messageReceiver is the receiving half of a stream of FlightData.
type messageReceiver interface{ RecvMsg(message any) error }

// messages hands the IPC messages of an upload to a decoder and all others to
// onMetadata. The bodies are copied once, out of the connection's buffers.
type messages struct {
	stream messageReceiver
	// acquire takes memory for a body before it is copied; nil: there is enough.
	acquire func(bytes int64) (release func(), err error)
	// room gives memory for a batch's body, which is done with when the next
	// one asks.
	room    func(bytes int) []byte
	checks  wire.Stream
	pending *wire.Incoming // received, not handed out yet
	n       int            // received so far
	// batch is the record batch handed out last, with its app_metadata. It has
	// no header and body where they are not as a segment has them.
	batch catalog.Batch
	// onMetadata takes app_metadata that comes without a batch; whether it came
	// with the schema is told.
	onMetadata func(metadata []byte, withSchema bool) error
	// err is what ended the stream, other than its end. The decoder wraps it
	// into words of its own.
	err error

	releaseBatch func() // nil: there is none
	releaseRest  []func()
}

// Message gives the next message that is not metadata alone.
func (m *messages) Message() (*ipc.Message, error) {
	for {
		data, err := m.receive()
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if err == nil {
			var message *ipc.Message
			if message, err = m.take(data); message != nil {
				return message, nil
			}
		}
		if err != nil {
			m.err = err
			return nil, err
		}
	}
}

// take gives no message where there is only metadata.
func (m *messages) take(data *wire.Incoming) (*ipc.Message, error) {
	defer data.Free()
	switch {
	case len(data.Header) > 0:
		return m.admit(data)
	case data.BodyLen() > 0:
		return nil, m.numbered(fmt.Errorf("%w: a body without a header", wire.ErrMalformed))
	default:
		return nil, m.onMetadata(data.AppMetadata, false)
	}
}

// Retain and Release do nothing: messages lie in memory that is collected.
func (m *messages) Retain() {}

// Release does nothing, as Retain.
func (m *messages) Release() {}

func (m *messages) receive() (*wire.Incoming, error) {
	if data := m.pending; data != nil {
		m.pending = nil
		return data, nil
	}
	data := &wire.Incoming{}
	if err := m.stream.RecvMsg(data); err != nil {
		return nil, err
	}
	m.n++
	return data, nil
}

// peek receives the first message and leaves it to be handed out.
func (m *messages) peek() (*wire.Incoming, error) {
	data, err := m.receive()
	m.pending = data
	return data, err
}

func (m *messages) admit(data *wire.Incoming) (*ipc.Message, error) {
	body, err := m.copyBody(data)
	if err != nil {
		return nil, err
	}
	kind, err := m.checks.Check(data.Header, body)
	if err != nil {
		return nil, m.numbered(err)
	}
	m.batch = catalog.Batch{}
	switch {
	case kind == wire.KindSchema && len(data.AppMetadata) > 0:
		if err := m.onMetadata(data.AppMetadata, true); err != nil {
			return nil, err
		}
	case kind == wire.KindRecordBatch:
		m.batch.AppMetadata = data.AppMetadata
		if m.checks.Plain() {
			m.batch.Header, m.batch.Body = data.Header, body
		}
	}
	return ipc.NewMessage(memory.NewBufferBytes(data.Header), memory.NewBufferBytes(body)), nil
}

// copyBody copies a body into memory that was acquired for it. That of a batch
// is used again by the next one; a dictionary lasts as long as the stream.
func (m *messages) copyBody(data *wire.Incoming) ([]byte, error) {
	n := data.BodyLen()
	batch := wire.KindOf(data.Header) == wire.KindRecordBatch
	if batch && m.releaseBatch != nil {
		m.releaseBatch()
		m.releaseBatch = nil
	}
	if m.acquire != nil {
		release, err := m.acquire(int64(n))
		if err != nil {
			return nil, err
		}
		if batch {
			m.releaseBatch = release
		} else {
			m.releaseRest = append(m.releaseRest, release)
		}
	}
	room := memory.DefaultAllocator.Allocate
	if batch && m.room != nil {
		room = m.room
	}
	body := room(n)
	data.CopyBody(body)
	return body, nil
}

// close gives back the memory of what was received.
func (m *messages) close() {
	if m.pending != nil {
		m.pending.Free()
	}
	if m.releaseBatch != nil {
		m.releaseBatch()
	}
	for _, release := range m.releaseRest {
		release()
	}
}

// explain gives the error that ended the stream, else what a decoder found
// wrong with the message handed out last.
func (m *messages) explain(err error) error {
	if m.err != nil {
		return m.err
	}
	if errors.Is(err, io.EOF) {
		return badRequest("the stream ended before its schema")
	}
	text := strings.ReplaceAll(err.Error(), "arrow/ipc: ", "")
	return m.numbered(fmt.Errorf("%w: %s", wire.ErrMalformed, strings.ReplaceAll(text, "arrow/array: ", "")))
}

func (m *messages) numbered(err error) error { return fmt.Errorf("message %d: %w", m.n, err) }
