package store

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

const (
	// A row group is held in memory while it is written, its columns while it
	// is read.
	maxRowGroupRows  = 1 << 20
	maxRowGroupBytes = 64 << 20 // of Arrow memory, before encoding
)

// parquetEncoder writes a Parquet file that stores the Arrow schema as well.
type parquetEncoder struct {
	sums       *summingWriter
	writer     *pqarrow.FileWriter
	groupBytes int64 // Arrow bytes in the row group that is open
}

func newParquetEncoder(w io.Writer, schema *arrow.Schema) (_ *parquetEncoder, err error) {
	defer recovered(&err, "beginning Parquet")
	properties := parquet.NewWriterProperties(
		parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithMaxRowGroupLength(maxRowGroupRows),
		parquet.WithCreatedBy("flightserver"),
	)
	sums := &summingWriter{w: w}
	writer, err := pqarrow.NewFileWriter(schema, sums, properties,
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return nil, err
	}
	return &parquetEncoder{sums: sums, writer: writer}, nil
}

func (e *parquetEncoder) Size() int64         { return e.sums.total }
func (e *parquetEncoder) Full() bool          { return false }
func (e *parquetEncoder) Buffer(n int) []byte { return make([]byte, n) }

func (e *parquetEncoder) Write(b Batch) (err error) {
	defer recovered(&err, "writing Parquet")
	rec := b.Record
	rows := rec.NumRows()
	if rows == 0 {
		return nil
	}
	for i, column := range rec.Columns() {
		if err := checkParquetValues(column.Data()); err != nil {
			return fmt.Errorf("field %q: %w", rec.ColumnName(i), err)
		}
	}
	perRow := max(1, recordBytes(rec)/rows)
	for done := int64(0); done < rows; {
		n := min(rows-done, max(1, (maxRowGroupBytes-e.groupBytes)/perRow))
		if err := e.writeRows(rec, done, done+n); err != nil {
			return err
		}
		done += n
		e.groupBytes += n * perRow
		if e.groupBytes+perRow > maxRowGroupBytes {
			if err := e.writer.NewBufferedRowGroupChecked(); err != nil {
				return err
			}
			e.groupBytes = 0
		}
	}
	return nil
}

func (e *parquetEncoder) writeRows(rec arrow.RecordBatch, from, to int64) error {
	part := rec.NewSlice(from, to)
	defer part.Release()
	whole, err := compact(part, arrow.FIXED_SIZE_LIST)
	if err != nil {
		return err
	}
	defer whole.Release()
	return e.writer.WriteBuffered(whole)
}

func (e *parquetEncoder) Close() (sidecar []byte, err error) {
	defer recovered(&err, "ending Parquet")
	err = e.writer.Close()
	return e.sums.sidecar().encode(), err
}

func recordBytes(rec arrow.RecordBatch) int64 {
	var total int64
	for _, column := range rec.Columns() {
		total += int64(column.Data().SizeInBytes())
	}
	return total
}
