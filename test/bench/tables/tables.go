// Package tables makes the data that is sent: tables of which every batch is
// encoded once, before the clock starts.
package tables

import (
	"fmt"
	"math/rand/v2"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Kind is the set of columns of a table.
type Kind string

// Kinds of tables.
const (
	Numeric Kind = "numeric" // 8 columns of fixed width, no nulls
	Mixed   Kind = "mixed"   // 10 columns, text and nulls among them
)

// distinctBytes of batches are made; a larger table repeats them.
const distinctBytes = 32 << 20

// Message is an IPC message as Flight sends it: a flatbuffer and a body.
type Message struct{ Header, Body []byte }

// Table is a stream of messages.
type Table struct {
	Schema  Message
	Batches int // in the table
	Rows    int64
	Bytes   int64 // of all batches, headers included

	distinct []Message
}

// Batch is the i-th message after the schema.
func (t *Table) Batch(i int) Message { return t.distinct[i%len(t.distinct)] }

// Make gives a table of at least so many bytes in whole batches of so many rows.
func Make(kind Kind, batchRows int, bytes int64) (*Table, error) {
	columns, ok := kinds[kind]
	if !ok {
		return nil, fmt.Errorf("no table is named %q", kind)
	}
	schema := schemaOf(columns)
	captured := &capture{}
	writer := flight.NewRecordWriter(captured, ipc.WithSchema(schema))
	random := newRandom()
	for len(captured.messages) < 2 || captured.bytes < min(bytes, distinctBytes) {
		record := newRecord(schema, columns, batchRows, random)
		err := writer.Write(record)
		record.Release()
		if err != nil {
			return nil, err
		}
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return captured.table(batchRows, bytes), nil
}

// Record gives one batch of a table. The caller releases it.
func Record(kind Kind, rows int) arrow.RecordBatch {
	columns := kinds[kind]
	return newRecord(schemaOf(columns), columns, rows, newRandom())
}

// newRandom makes the same table on every machine.
func newRandom() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func schemaOf(columns []column) *arrow.Schema {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = c.field
	}
	return arrow.NewSchema(fields, nil)
}

func newRecord(schema *arrow.Schema, columns []column, rows int, random *rand.Rand) arrow.RecordBatch {
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	builder.Reserve(rows)
	for i, c := range columns {
		b := builder.Field(i)
		for row := range rows {
			if c.field.Nullable && random.IntN(10) == 0 {
				b.AppendNull()
			} else {
				c.fill(b, random, row)
			}
		}
	}
	return builder.NewRecordBatch()
}

// capture keeps what a Flight writer sends. The writer reuses its buffers.
type capture struct {
	messages []Message
	bytes    int64 // of the batches
}

func (c *capture) Send(data *flight.FlightData) error {
	m := Message{Header: append([]byte(nil), data.GetDataHeader()...), Body: append([]byte(nil), data.GetDataBody()...)}
	if len(c.messages) > 0 {
		c.bytes += m.size()
	}
	c.messages = append(c.messages, m)
	return nil
}

func (c *capture) table(batchRows int, bytes int64) *Table {
	t := &Table{Schema: c.messages[0], distinct: c.messages[1:]}
	for t.Batches == 0 || t.Bytes < bytes {
		t.Bytes += t.Batch(t.Batches).size()
		t.Batches++
	}
	t.Rows = int64(t.Batches) * int64(batchRows)
	return t
}

func (m Message) size() int64 { return int64(len(m.Header) + len(m.Body)) }
