package server

import (
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// messageSender is the sending half of a stream of FlightData. What is sent is
// in use until SendMsg returns.
type messageSender interface{ SendMsg(message any) error }

func sendSchema(to messageSender, scan *catalog.Scan) error {
	return to.SendMsg(&wire.Outgoing{Header: scan.SchemaMessage()})
}

// sendMessages sends the messages of a scan as they are stored. The caller keeps
// the scan.
func sendMessages(to messageSender, scan *catalog.Scan) error {
	return eachMessage(scan, func(m catalog.Message) error {
		return to.SendMsg(&wire.Outgoing{
			Header: m.Header, AppMetadata: m.AppMetadata, Body: [][]byte{m.Body}, Rows: m.Rows,
		})
	})
}

func eachMessage(scan *catalog.Scan, use func(catalog.Message) error) error {
	for {
		m, err := scan.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := use(m); err != nil {
			return err
		}
	}
}

// sendRecords sends the schema, once and also when there are no rows, and then
// the records. The caller keeps the reader.
func sendRecords(to messageSender, reader array.RecordReader) (err error) {
	s := newRecordSender(to, reader.Schema())
	defer func() {
		if closeErr := s.close(); err == nil {
			err = closeErr
		}
	}()
	for reader.Next() {
		if err := s.send(reader.RecordBatch(), nil); err != nil {
			return err
		}
	}
	return reader.Err()
}

// recordSender sends records without copying their values.
type recordSender struct {
	payloads *payloadSender
	writer   *ipc.Writer
	splits   bool
}

func newRecordSender(to messageSender, schema *arrow.Schema) *recordSender {
	payloads := &payloadSender{to: to}
	return &recordSender{
		payloads: payloads,
		writer:   ipc.NewWriterWithPayloadWriter(payloads, ipc.WithSchema(schema)),
		splits:   splits(arrow.StructOf(schema.Fields()...)),
	}
}

// send sends a record, in pieces where it is large. The metadata goes with the
// first of them.
func (s *recordSender) send(record arrow.RecordBatch, metadata []byte) error {
	s.payloads.metadata = metadata
	if !s.splits {
		return s.sendPiece(record, 0)
	}
	return wire.Split(record, wire.MaxBodyBytes, s.sendPiece)
}

func (s *recordSender) sendPiece(piece arrow.RecordBatch, _ int64) error {
	s.payloads.record = piece
	return s.writer.Write(piece)
}

// close sends the schema if no record did, and lets go of dictionaries.
func (s *recordSender) close() error { return s.writer.Close() }

// payloadSender is where a writer of Arrow IPC writes. The values of a record
// are sent from where they lie.
type payloadSender struct {
	to       messageSender
	record   arrow.RecordBatch // nil for a schema without any
	metadata []byte            // for the next record batch
}

// Start does nothing: the writer's first payload is the schema.
func (p *payloadSender) Start() error { return nil }

// Close does nothing: a stream ends with its call.
func (p *payloadSender) Close() error { return nil }

// WritePayload sends a message.
func (p *payloadSender) WritePayload(payload ipc.Payload) error {
	meta := payload.Meta()
	defer meta.Release()
	var body pieces
	if err := payload.SerializeBody(&body); err != nil {
		return err
	}
	m := &wire.Outgoing{Header: meta.Bytes(), Body: body}
	if wire.KindOf(m.Header) == wire.KindRecordBatch {
		m.AppMetadata, p.metadata = p.metadata, nil
		m.Rows = p.record.NumRows()
	}
	return p.to.SendMsg(m)
}

// pieces keeps what is written where it is.
type pieces [][]byte

func (p *pieces) Write(b []byte) (int, error) {
	*p = append(*p, b)
	return len(b), nil
}
