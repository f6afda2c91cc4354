package server

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

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

// next gives the next record, which is good until the one after it; nil at the
// end of the stream.
func (r *received) next() (arrow.RecordBatch, error) {
	if !r.Reader.Next() {
		if err := r.Reader.Err(); err != nil {
			return nil, r.messages.explain(err)
		}
		return nil, r.messages.err
	}
	return r.RecordBatch(), nil
}

// messages hands the IPC messages of an upload to a decoder and all others to
// onMetadata.
type messages struct {
	stream  flight.DataStreamReader
	hold    *hold
	checks  wire.Stream
	pending *flight.FlightData // received, not handed out yet
	n       int                // received so far
	// batchMetadata is the app_metadata of the message handed out last.
	batchMetadata []byte
	// onMetadata takes app_metadata that comes without a batch; whether it came
	// with the schema is told.
	onMetadata func(metadata []byte, withSchema bool) error
	// err is what ended the stream, other than its end. The decoder wraps it
	// into words of its own.
	err error
}

// Message gives the next message that is not metadata alone.
func (m *messages) Message() (*ipc.Message, error) {
	for {
		data, err := m.receive()
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		switch {
		case err != nil:
		case len(data.GetDataHeader()) > 0:
			var message *ipc.Message
			if message, err = m.admit(data); err == nil {
				return message, nil
			}
		case len(data.GetDataBody()) > 0:
			err = m.numbered(fmt.Errorf("%w: a body without a header", wire.ErrMalformed))
		default:
			err = m.onMetadata(data.GetAppMetadata(), false)
		}
		if err != nil {
			m.err = err
			return nil, err
		}
	}
}

// Retain and Release do nothing: messages lie in memory that is collected.
func (m *messages) Retain() {}

// Release does nothing, as Retain.
func (m *messages) Release() {}

func (m *messages) receive() (*flight.FlightData, error) {
	if data := m.pending; data != nil {
		m.pending = nil
		return data, nil
	}
	m.hold.free()
	data, err := m.stream.Recv()
	if err != nil {
		return nil, err
	}
	m.n++
	return data, m.hold.take(len(data.GetDataBody()))
}

// peek receives the first message and leaves it to be handed out.
func (m *messages) peek() (*flight.FlightData, error) {
	data, err := m.receive()
	m.pending = data
	return data, err
}

func (m *messages) admit(data *flight.FlightData) (*ipc.Message, error) {
	kind, err := m.checks.Check(data.GetDataHeader(), data.GetDataBody())
	if err != nil {
		return nil, m.numbered(err)
	}
	m.batchMetadata = nil
	if kind == wire.KindSchema && len(data.GetAppMetadata()) > 0 {
		if err := m.onMetadata(data.GetAppMetadata(), true); err != nil {
			return nil, err
		}
	}
	if kind == wire.KindRecordBatch {
		m.batchMetadata = data.GetAppMetadata()
	}
	return ipc.NewMessage(memory.NewBufferBytes(data.GetDataHeader()), memory.NewBufferBytes(data.GetDataBody())), nil
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
