package store

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	meta "github.com/apache/arrow-go/v18/parquet/metadata"

	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// Memory that is not there ends the process, so what a Parquet file may claim
// has bounds, though only a defect would have it claim more.

// maxPageBytes is more than a page has that was written: one may hold a single
// value, which is no larger than the message that it came in, or what is left of
// a row group before one.
const maxPageBytes = wire.MaxMessageBytes + maxRowGroupBytes

// boundedAllocator panics where more is claimed than was ever written, which
// becomes an error of the decoder.
type boundedAllocator struct{ memory.Allocator }

func (a boundedAllocator) Allocate(size int) []byte {
	checkClaim(size)
	return a.Allocator.Allocate(size)
}

func (a boundedAllocator) Reallocate(size int, b []byte) []byte {
	checkClaim(size)
	return a.Allocator.Reallocate(size, b)
}

func checkClaim(size int) {
	if size > 2*maxPageBytes {
		panic(fmt.Sprintf("%d bytes are claimed", size))
	}
}

// readerProperties bound what a page may claim of memory until more is known of
// the file.
func readerProperties(segment int64, allocator memory.Allocator) *parquet.ReaderProperties {
	p := parquet.NewReaderProperties(allocator)
	p.MaxCompressedPageSize, p.MaxUncompressedPageSize = segment, maxPageBytes
	// A column is read piece by piece, not whole before its first page.
	p.BufferedStreamEnabled, p.BufferSize = true, blockBytes
	return p
}

// checkClaims refuses a file that says other things of itself than its manifest,
// which has so many rows, or than whoever wrote it. It gives the most bytes that
// a page may have.
func checkClaims(f *file.Reader, rows int64) (page int64, err error) {
	left := rows
	for i := range f.NumRowGroups() {
		group := f.MetaData().RowGroup(i)
		if n := group.NumRows(); n < 0 || n > left {
			return 0, fmt.Errorf("%w: row group %d has %d rows, %d of %d are left", ErrCorrupt, i, n, left, rows)
		}
		left -= group.NumRows()
		for column := range f.MetaData().Schema.NumColumns() {
			chunk, err := group.ColumnChunk(column)
			if err != nil {
				return 0, err
			}
			if err := checkChunk(chunk, f.MetaData().GetSourceFileSize()); err != nil {
				return 0, err
			}
			page = max(page, min(chunk.TotalUncompressedSize(), maxPageBytes))
		}
	}
	if left != 0 {
		return 0, fmt.Errorf("%w: %d of %d rows are missing", ErrCorrupt, left, rows)
	}
	return page, nil
}

// checkChunk refuses a column of a row group that does not lie within the file:
// the library reads it in pieces of the length that it claims.
func checkChunk(c *meta.ColumnChunkMetaData, size int64) error {
	if by := c.Compression(); by != compress.Codecs.Zstd && by != compress.Codecs.Uncompressed {
		return fmt.Errorf("%w: a column is compressed by %s", ErrCorrupt, by)
	}
	start, length := c.DataPageOffset(), c.TotalCompressedSize()
	if c.HasDictionaryPage() && c.DictionaryPageOffset() > 0 {
		start = min(start, c.DictionaryPageOffset())
	}
	if start < 0 || length < 0 || start > size || length > size-start {
		return fmt.Errorf("%w: a column has %d bytes at %d, the file %d", ErrCorrupt, length, start, size)
	}
	return nil
}

// checkStoredSchema looks at the Arrow schema in a file's metadata before the
// library makes room for whatever that says it has.
func checkStoredSchema(f *file.Reader) error {
	value := f.MetaData().KeyValueMetadata().FindValue("ARROW:schema")
	if value == nil {
		return nil // the types that Parquet has by itself
	}
	stored, err := base64.StdEncoding.DecodeString(*value)
	if err != nil {
		return fmt.Errorf("%w: the Arrow schema in it: %w", ErrCorrupt, err)
	}
	if len(stored) < marksBytes || binary.LittleEndian.Uint32(stored) != continuationMark ||
		int64(binary.LittleEndian.Uint32(stored[4:])) > int64(len(stored)-marksBytes) {
		return fmt.Errorf("%w: the Arrow schema in it is cut", ErrCorrupt)
	}
	header := stored[marksBytes:]
	if m, err := parseMessage(header); err != nil || m.kind != ipc.MessageSchema || m.bodyLength != 0 {
		return fmt.Errorf("%w: the Arrow schema in it is another message", ErrCorrupt)
	}
	var stream wire.Stream
	if _, err := stream.Check(header, nil); err != nil {
		return fmt.Errorf("%w: the Arrow schema in it: %w", ErrCorrupt, err)
	}
	return nil
}
