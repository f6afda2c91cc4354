package catalog

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// numeric is a record of about 2 MiB: eight columns of 32 Ki numbers.
func numericRecord(rows int) arrow.RecordBatch {
	var fields []arrow.Field
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for i := range fields {
		column := b.Field(i).(*array.Int64Builder)
		for row := range rows {
			column.Append(int64(row * (i + 1) % 9973))
		}
	}
	return b.NewRecordBatch()
}

const benchRecords = 256 // 512 MiB

func BenchmarkUpload(b *testing.B) {
	for _, name := range []string{"numbers.arrow", "numbers.parquet"} {
		b.Run(name, func(b *testing.B) {
			c := benchOpen(b)
			rec := numericRecord(32 << 10)
			defer rec.Release()
			b.SetBytes(benchRecords * 8 * 8 * rec.NumRows())
			for b.Loop() {
				benchUpload(b, c, name, rec)
			}
		})
	}
}

func BenchmarkScan(b *testing.B) {
	for _, name := range []string{"numbers.arrow", "numbers.parquet"} {
		b.Run(name, func(b *testing.B) {
			c := benchOpen(b)
			rec := numericRecord(32 << 10)
			defer rec.Release()
			d := benchUpload(b, c, name, rec)
			b.SetBytes(benchRecords * 8 * 8 * rec.NumRows())
			for b.Loop() {
				r, err := c.Scan(b.Context(), d.ID, d.Version, 0)
				if err != nil {
					b.Fatal(err)
				}
				rows := int64(0)
				records := r.Records()
				for records.Next() {
					rows += records.RecordBatch().NumRows()
				}
				if records.Err() != nil || rows != d.Rows {
					b.Fatal(rows, records.Err())
				}
				r.Release()
			}
		})
	}
}

func benchOpen(b *testing.B) *Catalog {
	b.Helper()
	c, err := Open(b.Context(), Options{Dir: b.TempDir(), KeepSuperseded: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return c
}

func benchUpload(b *testing.B, c *Catalog, name string, rec arrow.RecordBatch) Dataset {
	b.Helper()
	u, err := c.NewUpload(b.Context(), UploadRequest{Path: []string{name}, Schema: rec.Schema()})
	if err != nil {
		b.Fatal(err)
	}
	for range benchRecords {
		if err := u.Write(rec); err != nil {
			b.Fatal(err)
		}
	}
	d, err := u.Commit(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return d
}
