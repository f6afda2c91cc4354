package httpdata

import (
	"context"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Data is what the ticket of a link gives, from the same files until it is
// released, whatever becomes of them elsewhere. One goroutine uses it at a time.
type Data interface {
	Schema() *arrow.Schema
	// Identity names the data and the files that it is read from. Where it is
	// equal, equal bytes are made of it.
	Identity() string
	// Records reads the data from its beginning. The caller releases the reader.
	Records(ctx context.Context) array.RecordReader
	// Stored gives the data as it lies on the disk, in place of Records; nil
	// where only a part of it is asked for.
	Stored() Stored
	Release()
}

// Stored is data that need not be decoded.
type Stored interface {
	// Messages calls use with the messages of an Arrow stream, the schema's first.
	Messages(ctx context.Context, use func(header, body []byte) error) error
	// Parquet gives the data's own Parquet file, which the caller closes before it
	// releases the data; nil where there is none.
	Parquet() (File, error)
}

// File is a file whose bytes may be read in any order.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}
