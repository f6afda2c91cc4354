package store

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// textColumns give the value of a row, or none.
var textColumns = []struct {
	name     string
	nullable bool
	value    func(row int) (string, bool)
}{
	{"few", false, func(row int) (string, bool) { return strconv.Itoa(row % 5), true }},
	{"many", false, func(row int) (string, bool) { return strconv.Itoa(row * row), true }},
	{"empty", false, func(int) (string, bool) { return "", true }},
	{"null", true, func(int) (string, bool) { return "", false }},
	{"few or null", true, func(row int) (string, bool) { return strconv.Itoa(row % 5), row%3 != 0 }},
	{"long or null", true, func(row int) (string, bool) { return strings.Repeat("long", row%99), row%7 != 0 }},
	{"never null", true, func(row int) (string, bool) { return strconv.Itoa(row), true }},
}

// textRecord has a column of numbers as well, which the library decodes.
func textRecord(rows int) arrow.RecordBatch {
	fields := []arrow.Field{{Name: "number", Type: arrow.PrimitiveTypes.Int64}}
	for _, c := range textColumns {
		fields = append(fields, arrow.Field{Name: c.name, Type: arrow.BinaryTypes.String, Nullable: c.nullable})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for row := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(row))
		for i, c := range textColumns {
			if value, ok := c.value(row); ok {
				b.Field(1 + i).(*array.StringBuilder).Append(value)
			} else {
				b.Field(1 + i).AppendNull()
			}
		}
	}
	return b.NewRecordBatch()
}

// TestParquetText reads text over the bounds of pages, row groups and records.
func TestParquetText(t *testing.T) {
	want := textRecord(3*maxRecordRows/2 + 1)
	for name, options := range map[string][]parquet.WriterProperty{
		"dictionaries":      nil,
		"small dictionary":  {parquet.WithDictionaryPageSizeLimit(1 << 10)},
		"plain":             {parquet.WithDictionaryDefault(false)},
		"delta":             {parquet.WithDictionaryDefault(false), parquet.WithEncodingFor("many", parquet.Encodings.DeltaByteArray)},
		"pages version two": {parquet.WithDataPageVersion(parquet.DataPageV2)},
	} {
		t.Run(name, func(t *testing.T) {
			options = append(options, parquet.WithDataPageSize(4<<10), parquet.WithMaxRowGroupLength(20_000))
			got := decodeParquet(t, want.Schema(), want.NumRows(), encodeParquet(t, want, options...))
			wantRecords(t, want.Schema(), got, []arrow.RecordBatch{want})
		})
	}
}

func encodeParquet(t *testing.T, rec arrow.RecordBatch, options ...parquet.WriterProperty) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := pqarrow.NewFileWriter(rec.Schema(), &file, parquet.NewWriterProperties(options...),
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err == nil {
		err = errors.Join(w.Write(rec), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func decodeParquet(t *testing.T, schema *arrow.Schema, rows int64, file []byte) (records []arrow.RecordBatch) {
	t.Helper()
	sums := &summingWriter{w: io.Discard}
	_, _ = sums.Write(file) // it takes all
	d, err := newParquetDecoder(newVerifiedReader(bytes.NewReader(file), sums.sidecar()), rows, schema, boundless{memory.DefaultAllocator})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.begin(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	for {
		rec, err := d.Next()
		if errors.Is(err, io.EOF) {
			return records
		}
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rec)
	}
}
