package server

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/prometheus/client_golang/prometheus"
)

// maxBodyBytes bounds the body of a message where rows can be split: stock Go
// clients refuse messages over 4 MiB, header included.
const maxBodyBytes = 7 << 19 // 3.5 MiB

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
		send = func(record arrow.RecordBatch) error { return sendSplit(writer, record) }
	}
	for reader.Next() {
		if err := send(reader.RecordBatch()); err != nil {
			return err
		}
	}
	return reader.Err()
}

// sendSplit sends a record in as many messages as its size asks for. Halves of
// unequal weight are split again.
func sendSplit(writer *flight.Writer, record arrow.RecordBatch) error {
	size, rows := bodyBytes(record), record.NumRows()
	if size <= maxBodyBytes || rows <= 1 {
		return writer.Write(record)
	}
	parts := min(rows, (size+maxBodyBytes-1)/maxBodyBytes)
	for i := range parts {
		if err := sendSlice(writer, record, rows*i/parts, rows*(i+1)/parts); err != nil {
			return err
		}
	}
	return nil
}

func sendSlice(writer *flight.Writer, record arrow.RecordBatch, from, to int64) error {
	part := record.NewSlice(from, to)
	defer part.Release()
	return sendSplit(writer, part)
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
