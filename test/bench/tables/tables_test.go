package tables

import (
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
)

func TestMake(t *testing.T) {
	const batchRows, bytes = 1 << 10, 1 << 20
	for kind, columns := range map[Kind]int{Numeric: 8, Mixed: 10} {
		table, err := Make(kind, batchRows, bytes)
		if err != nil {
			t.Fatal(err)
		}
		if table.Bytes < bytes || table.Rows != int64(table.Batches)*batchRows {
			t.Errorf("%s: %d bytes, %d rows in %d batches", kind, table.Bytes, table.Rows, table.Batches)
		}
		reader, err := flight.NewRecordReader(&replay{table: table})
		if err != nil {
			t.Fatal(err)
		}
		var rows, nulls int64
		for reader.Next() {
			record := reader.RecordBatch()
			rows += record.NumRows()
			for _, column := range record.Columns() {
				nulls += int64(column.NullN())
			}
			if len(record.Columns()) != columns {
				t.Fatalf("%s has %d columns", kind, len(record.Columns()))
			}
		}
		if reader.Err() != nil || rows != table.Rows {
			t.Errorf("%s: read %d of %d rows: %v", kind, rows, table.Rows, reader.Err())
		}
		if (nulls > 0) != (kind == Mixed) {
			t.Errorf("%s has %d nulls", kind, nulls)
		}
		reader.Release()
	}
	if _, err := Make("round", 1, 1); err == nil {
		t.Error("a kind that is not there was made")
	}
}

func TestLargeTablesRepeat(t *testing.T) {
	table, err := Make(Numeric, 64<<10, 4*distinctBytes)
	if err != nil {
		t.Fatal(err)
	}
	if table.Bytes < 4*distinctBytes || len(table.distinct) >= table.Batches {
		t.Errorf("%d bytes in %d batches, %d of them distinct", table.Bytes, table.Batches, len(table.distinct))
	}
}

// replay gives the messages of a table to a Flight reader.
type replay struct {
	table *Table
	next  int
}

func (r *replay) Recv() (*flight.FlightData, error) {
	r.next++
	m := r.table.Schema
	switch {
	case r.next > 1+r.table.Batches:
		return nil, io.EOF
	case r.next > 1:
		m = r.table.Batch(r.next - 2)
	}
	return &flight.FlightData{DataHeader: m.Header, DataBody: m.Body}, nil
}
