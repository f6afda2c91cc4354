package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	rows      = 1000
	beginTime = time.Minute
	// exchangeTime is longer than a connection takes new calls.
	exchangeTime = 45 * time.Second
	// exchangePause is between two messages of a stream.
	exchangePause = 500 * time.Millisecond
)

var schema = arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)

// consumer writes tables in which each row has the number of the upload, so that
// a read of another upload than the last, or of two at once, is noticed.
type consumer struct {
	dataset        string
	writer, reader *session
	tally          *tally
	acknowledged   atomic.Int64
}

// begin makes the dataset, which the other calls find. A Service leads nowhere
// for a while after its pods have become ready.
func (c *consumer) begin(ctx context.Context) error {
	table := tableOf(0)
	defer table.Release()
	for end := time.Now().Add(beginTime); ; time.Sleep(time.Second) {
		err := c.writer.Put(ctx, table, c.dataset)
		if !connectionEnded(err) || time.Now().After(end) {
			return err
		}
	}
}

func (c *consumer) put(ctx context.Context) error {
	n := c.acknowledged.Load() + 1
	table := tableOf(n)
	defer table.Release()
	if err := c.writer.Put(ctx, table, c.dataset); err != nil {
		return err
	}
	c.acknowledged.Store(n)
	return nil
}

func (c *consumer) get(ctx context.Context) error {
	least := c.acknowledged.Load()
	table, err := c.reader.Get(ctx, c.dataset)
	if err != nil {
		return err
	}
	defer table.Release()
	return check(table, least)
}

// check wants a table of one upload: of the one that was acknowledged before the
// read began, or of a later one.
func check(table arrow.Table, least int64) error {
	if table.NumRows() != rows {
		return fmt.Errorf("read %d rows of %d", table.NumRows(), rows)
	}
	first := int64(-1)
	for _, chunk := range table.Column(0).Data().Chunks() {
		for _, n := range chunk.(*array.Int64).Int64Values() {
			if first < 0 {
				first = n
			}
			if n != first || n < least {
				return fmt.Errorf("read a row of upload %d beside one of upload %d, after upload %d was acknowledged", n, first, least)
			}
		}
	}
	return nil
}

// exchange holds a stream open, on which every message comes back.
func (c *consumer) exchange(ctx context.Context) error {
	stream, err := c.reader.DoExchange(ctx)
	if err != nil {
		return err
	}
	w := flight.NewRecordWriter(stream, ipc.WithSchema(schema))
	w.SetFlightDescriptor(&flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: []byte("echo")})
	batch := batchOf(0)
	defer batch.Release()
	var r *flight.Reader
	for end := time.Now().Add(exchangeTime); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(exchangePause) {
		if err := w.Write(batch); err != nil {
			_, err = stream.Recv() // tells why
			return err
		}
		if r == nil {
			if r, err = flight.NewRecordReader(stream); err != nil {
				return err
			}
			defer r.Release()
		}
		if back, err := r.Read(); err != nil {
			return err
		} else if !array.RecordEqual(batch, back) {
			return fmt.Errorf("the echo of %v is %v", batch, back)
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return stream.CloseSend()
}

func batchOf(n int64) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for range rows {
		b.Field(0).(*array.Int64Builder).Append(n)
	}
	return b.NewRecordBatch()
}

func tableOf(n int64) arrow.Table {
	batch := batchOf(n)
	defer batch.Release()
	return array.NewTableFromRecords(schema, []arrow.RecordBatch{batch})
}
