package formats

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// pageBuffer is read ahead of each column of a Parquet file.
const pageBuffer = 256 << 10

type parquetReader struct {
	batches pqarrow.RecordReader
	schema  *arrow.Schema
	rows    int64
	total   int64
}

func newParquetReader(in *input) (Reader, error) {
	f, err := in.seekable()
	if err != nil {
		return nil, err
	}
	// Column chunks are streamed: a whole one may be as large as the file.
	props := parquet.NewReaderProperties(memory.DefaultAllocator)
	props.BufferedStreamEnabled = true
	props.BufferSize = pageBuffer
	pf, err := file.NewParquetReader(f, file.WithReadProps(props))
	if err != nil {
		return nil, fmt.Errorf("not a whole Parquet file: %w", err)
	}
	// Columns are decoded one after the other: the library's goroutines would
	// take the program down when they panic over a damaged page.
	ar, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{BatchSize: BatchRows}, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	schema, err := ar.Schema()
	if err != nil {
		return nil, err
	}
	if schema.NumFields() == 0 {
		return nil, errors.New("the file has no columns")
	}
	batches, err := ar.GetRecordReader(context.Background(), nil, nil)
	if err != nil {
		return nil, err
	}
	return &parquetReader{batches: batches, schema: withoutFieldIDs(schema), total: pf.NumRows()}, nil
}

// withoutFieldIDs drops the mark of a column without a field id, which the
// decoder puts into the metadata of every such column.
func withoutFieldIDs(schema *arrow.Schema) *arrow.Schema {
	fields := schema.Fields()
	for i, f := range fields {
		if id, ok := f.Metadata.GetValue(fieldID); ok && id == noFieldID {
			m := f.Metadata.ToMap()
			delete(m, fieldID)
			fields[i].Metadata = arrow.MetadataFrom(m)
		}
	}
	meta := schema.Metadata()
	return arrow.NewSchema(fields, &meta)
}

const (
	fieldID   = "PARQUET:field_id"
	noFieldID = "-1"
)

func (r *parquetReader) Schema() *arrow.Schema { return r.schema }

func (r *parquetReader) Read() (arrow.RecordBatch, error) {
	if !r.batches.Next() {
		if err := r.batches.Err(); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("after row %d: %w", r.rows, err)
		}
		if r.rows < r.total {
			return nil, fmt.Errorf("the file ends after %d of its %d rows", r.rows, r.total)
		}
		return nil, io.EOF
	}
	rec := r.batches.RecordBatch()
	r.rows += rec.NumRows()
	return array.NewRecordBatch(r.schema, rec.Columns(), rec.NumRows()), nil
}

func (r *parquetReader) Done() float64 {
	if r.total == 0 {
		return 1
	}
	return float64(r.rows) / float64(r.total)
}

func (r *parquetReader) Close() error {
	r.batches.Release()
	return nil
}

// rowGroupBytes is the size of a row group, which is in memory until it is
// whole.
const rowGroupBytes = 64 << 20

type parquetWriter struct{ *pqarrow.FileWriter }

func newParquetWriter(w io.Writer, schema *arrow.Schema) (Writer, error) {
	// The stored Arrow schema keeps the types that Parquet does not have.
	fw, err := pqarrow.NewFileWriter(schema, unclosable{w},
		parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd)),
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return nil, err
	}
	return &parquetWriter{fw}, nil
}

func (w *parquetWriter) Write(rec arrow.RecordBatch) error {
	if err := w.WriteBuffered(rec); err != nil {
		return err
	}
	if w.RowGroupTotalBytesWritten() < rowGroupBytes {
		return nil
	}
	return w.NewBufferedRowGroupChecked()
}

// unclosable hides the Close of a writer that a codec would close.
type unclosable struct{ io.Writer }
