package formats

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
)

// Writer writes batches of one schema. One goroutine uses it.
type Writer interface {
	// Write does not keep the batch.
	Write(arrow.RecordBatch) error
	// Close writes the end of the file, which is not whole before.
	Close() error
}

// WriteOptions tell how text is written.
type WriteOptions struct {
	Null  string // the text of a null in CSV
	Table TableOptions
}

// NewWriter writes a file of the given format. It leaves w open.
func NewWriter(w io.Writer, f Format, schema *arrow.Schema, o WriteOptions) (Writer, error) {
	switch f {
	case Parquet:
		return newParquetWriter(w, schema)
	case Arrow:
		return newArrowFileWriter(w, schema)
	case ArrowStream:
		return newArrowStreamWriter(w, schema), nil
	case CSV:
		return newCSVWriter(w, ',', schema, o)
	case TSV:
		return newCSVWriter(w, '\t', schema, o)
	case JSONLines:
		return newJSONWriter(w, schema), nil
	case Table:
		return newTableWriter(w, schema, o.Table), nil
	}
	return nil, fmt.Errorf("format %q cannot be written", f)
}
