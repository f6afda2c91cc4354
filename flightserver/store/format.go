package store

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// Format is how a dataset's segments are encoded.
type Format string

// Formats. Segments are standard files, which other programs open as they are.
const (
	FormatArrow   Format = "Arrow"   // Arrow IPC files
	FormatParquet Format = "Parquet" // Parquet files, zstd
)

// errSegmentFull reports that a record must begin a new segment. Nothing of it
// was written that a reader would see.
var errSegmentFull = errors.New("the segment cannot hold this record")

// Compression is that of the bodies of an Arrow dataset's messages.
type Compression string

// Compressions.
const (
	CompressionNone Compression = ""
	CompressionLZ4  Compression = "LZ4"
	CompressionZSTD Compression = "ZSTD"
)

// minSavings is the share that a buffer must lose: else it stays as it is, and
// its readers have nothing to do.
const minSavings = 0.05

func (c Compression) options() []ipc.Option {
	switch c {
	case CompressionLZ4:
		return []ipc.Option{ipc.WithLZ4(), ipc.WithMinSpaceSavings(minSavings)}
	case CompressionZSTD:
		return []ipc.Option{ipc.WithZstd(), ipc.WithMinSpaceSavings(minSavings)}
	}
	return nil
}

// encoder turns records into one segment.
type encoder interface {
	// Write adds a batch, of which it keeps nothing. errSegmentFull asks for a
	// new segment; any other error spoils this one.
	Write(b Batch) error
	// Size is what was written so far, and Full tells that no more should be.
	Size() int64
	Full() bool
	// Buffer gives room for a body.
	Buffer(n int) []byte
	// Close writes what ends the file, which it does not close, and gives the
	// sidecar.
	Close() ([]byte, error)
}

func newEncoder(d *Dataset, w io.Writer, schema *arrow.Schema) (encoder, error) {
	switch d.format {
	case FormatArrow:
		return newArrowEncoder(w, schema, d.compression())
	case FormatParquet:
		return newParquetEncoder(w, schema)
	}
	return nil, fmt.Errorf("format %q is not known", d.format)
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
