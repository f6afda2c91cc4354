package store

import (
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// TestParquetLargeValue reads back a value that the library takes for a forgery
// unless it is told otherwise.
func TestParquetLargeValue(t *testing.T) {
	value := make([]byte, 64<<20+1) // which cannot be compressed
	_, _ = rand.NewChaCha8([32]byte{}).Read(value)
	b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	b.Append(value)
	schema := arrow.NewSchema([]arrow.Field{field(arrow.BinaryTypes.Binary)}, nil)
	rec := array.NewRecordBatch(schema, []arrow.Array{b.NewArray()}, 1)
	got, _ := roundTrip(t, openStore(t, Options{}), FormatParquet, schema, rec)
	wantRecords(t, schema, got, []arrow.RecordBatch{rec})
}
