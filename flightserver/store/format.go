package store

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
)

// Format is how a dataset's segments are encoded.
type Format string

// Formats. Segments are standard files, which other programs open as they are.
const (
	FormatArrow   Format = "Arrow"   // Arrow IPC files, not compressed
	FormatParquet Format = "Parquet" // Parquet files, zstd
)

// errSegmentFull reports that a record must begin a new segment. Nothing of it
// was written that a reader would see.
var errSegmentFull = errors.New("the segment cannot hold this record")

// encoder turns records into one segment.
type encoder interface {
	// Write adds a record, which it does not keep. errSegmentFull asks for a new
	// segment; any other error spoils this one.
	Write(rec arrow.RecordBatch) error
	// Close writes what ends the file. It does not close the file.
	Close() error
}

// decoder reads one segment.
type decoder interface {
	// Next gives the next record, which the caller releases, or io.EOF.
	Next() (arrow.RecordBatch, error)
	Close() error
}

func newEncoder(f Format, w io.Writer, schema *arrow.Schema) (encoder, error) {
	switch f {
	case FormatArrow:
		return newArrowEncoder(w, schema)
	case FormatParquet:
		return newParquetEncoder(w, schema)
	}
	return nil, fmt.Errorf("format %q is not known", f)
}

func newDecoder(f Format, r *verifiedReader, schema *arrow.Schema) (decoder, error) {
	switch f {
	case FormatArrow:
		return newArrowDecoder(r)
	case FormatParquet:
		return newParquetDecoder(r, schema)
	}
	return nil, fmt.Errorf("format %q is not known", f)
}

// CheckSupported refuses a schema that a format cannot give back exactly, with
// ErrUnsupportedType and the field's name.
func CheckSupported(f Format, schema *arrow.Schema) error {
	if f == FormatParquet {
		return checkParquetSchema(schema)
	}
	return nil
}

// recovered turns a panic into an error: decoders and encoders panic on arrays
// whose buffers do not fit together, and those come from clients and disks.
func recovered(err *error, doing string) {
	if p := recover(); p != nil {
		*err = errors.Join(*err, fmt.Errorf("%s: malformed record: %v", doing, p))
	}
}
