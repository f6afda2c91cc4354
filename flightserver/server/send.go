package server

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// sendRecords sends the schema, once and also when there are no rows, and then
// the records. The caller keeps the reader.
func sendRecords(to flight.DataStreamWriter, reader array.RecordReader) (err error) {
	writer := flight.NewRecordWriter(to, ipc.WithSchema(reader.Schema()))
	defer func() {
		// Close sends the schema if no record did, and lets go of dictionaries.
		if closeErr := writer.Close(); err == nil {
			err = closeErr
		}
	}()
	send := writer.Write
	if splits(arrow.StructOf(reader.Schema().Fields()...)) {
		send = func(record arrow.RecordBatch) error {
			return wire.Split(record, wire.MaxBodyBytes, func(piece arrow.RecordBatch, _ int64) error { return writer.Write(piece) })
		}
	}
	for reader.Next() {
		if err := send(reader.RecordBatch()); err != nil {
			return err
		}
	}
	return reader.Err()
}

// countSent counts what passes to a stream.
type countSent struct {
	flight.DataStreamWriter
	bytes prometheus.Counter
}

func (c countSent) Send(data *flight.FlightData) error {
	if err := c.DataStreamWriter.Send(data); err != nil {
		return err
	}
	c.bytes.Add(float64(len(data.GetDataBody())))
	return nil
}
