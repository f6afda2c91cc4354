package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

const (
	// A row group is held in memory while it is written, its columns while it
	// is read.
	maxRowGroupRows  = 1 << 20
	maxRowGroupBytes = 64 << 20 // of Arrow memory, before encoding

	// A record that is read has about this size, within bounds of its rows.
	targetRecordBytes = 2 << 20
	minRecordRows     = 1 << 10
	maxRecordRows     = 64 << 10
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

// parquetDecoder reads a Parquet file a row group at a time, in records of
// moderate size, and gives each column the type it was written with.
type parquetDecoder struct {
	file   *file.Reader
	reader pqarrow.RecordReader
	schema *arrow.Schema
}

func newParquetDecoder(r *verifiedReader, schema *arrow.Schema) (_ *parquetDecoder, err error) {
	defer recovered(&err, "opening Parquet")
	f, err := file.NewParquetReader(r.section(), file.WithReadProps(readerProperties(r.size)))
	if err != nil {
		return nil, err
	}
	if err := checkStoredSchema(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	properties := pqarrow.ArrowReadProperties{BatchSize: recordRows(f)}
	arrowReader, err := pqarrow.NewFileReader(f, properties, parquetAllocator)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	reader, err := arrowReader.GetRecordReader(context.Background(), nil, nil)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &parquetDecoder{file: f, reader: reader, schema: schema}, nil
}

// recordRows chooses the rows of a record by the size of a row.
func recordRows(f *file.Reader) int64 {
	var size int64
	for i := range f.NumRowGroups() {
		size += f.MetaData().RowGroup(i).TotalByteSize()
	}
	perRow := max(1, size/max(1, f.NumRows()))
	return min(maxRecordRows, max(minRecordRows, targetRecordBytes/perRow))
}

func (d *parquetDecoder) Next() (_ arrow.RecordBatch, err error) {
	defer recovered(&err, "reading Parquet")
	if !d.reader.Next() {
		if err := d.reader.Err(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	return restore(d.reader.RecordBatch(), d.schema)
}

func (d *parquetDecoder) Close() (err error) {
	defer recovered(&err, "closing Parquet")
	d.reader.Release()
	return d.file.Close()
}
