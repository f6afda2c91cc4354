package store

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// textReader decodes a column of text or bytes. The library appends each value
// to a builder, which takes more than all else that it does with such a column;
// here the values of a page are copied at once into the buffers of a record.
type textReader struct {
	file      *file.Reader
	leaf      int
	dataType  arrow.DataType
	allocator memory.Allocator

	nullable bool
	page     *textPage

	groups int // that were opened
	chunk  *file.ByteArrayColumnChunkReader
}

// textPageBytes is what a textPage takes for a row.
const textPageBytes = int64(unsafe.Sizeof(parquet.ByteArray{}) + unsafe.Sizeof(int16(0)))

// textPage has room for what is read of a page, of one column after the other.
type textPage struct {
	values []parquet.ByteArray // which lie in the page
	levels []int16             // 1 where there is a value, in columns with nulls
}

func newTextPage(rows int64) *textPage {
	return &textPage{values: make([]parquet.ByteArray, rows), levels: make([]int16, rows)}
}

// isTextColumn says whether a textReader can decode a column.
func isTextColumn(f *file.Reader, field *pqarrow.SchemaField) bool {
	if !field.IsLeaf() || field.Field.Type.ID() != arrow.STRING && field.Field.Type.ID() != arrow.BINARY {
		return false
	}
	column := f.MetaData().Schema.Column(field.ColIndex)
	return column.PhysicalType() == parquet.Types.ByteArray && column.MaxRepetitionLevel() == 0 && column.MaxDefinitionLevel() <= 1
}

func newTextReader(f *file.Reader, field parquetField, page *textPage, allocator memory.Allocator) *textReader {
	leaf := field.leaves[0]
	nullable := f.MetaData().Schema.Column(leaf).MaxDefinitionLevel() > 0
	return &textReader{file: f, leaf: leaf, dataType: field.text, allocator: allocator, nullable: nullable, page: page}
}

// read gives an array of as many rows as a record has, or of all that are left.
// The caller releases it.
func (r *textReader) read() (arrow.Array, error) {
	rows := len(r.page.values)
	b := newTextBuilder(rows, r.nullable, r.allocator)
	defer b.release()
	for b.rows < rows {
		more, err := r.hasNext()
		if err == nil && more {
			err = r.readPage(b, rows-b.rows)
		}
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	return b.array(r.dataType), nil
}

// hasNext goes on with the next row group where one has ended.
func (r *textReader) hasNext() (bool, error) {
	for r.chunk == nil || !r.chunk.HasNext() {
		if err := r.close(); err != nil || r.groups == r.file.NumRowGroups() {
			return false, err
		}
		chunk, err := r.file.RowGroup(r.groups).Column(r.leaf)
		if err != nil {
			return false, err
		}
		r.groups++
		r.chunk = chunk.(*file.ByteArrayColumnChunkReader) // as isTextColumn saw
	}
	return true, nil
}

// readPage appends what the page has of so many rows.
func (r *textReader) readPage(b *textBuilder, rows int) error {
	var levels []int16
	if r.nullable {
		levels = r.page.levels
	}
	read, values, err := r.chunk.ReadBatchInPage(int64(rows), r.page.values, levels, nil)
	switch {
	case err != nil:
		return err
	case read == 0:
		return fmt.Errorf("%w: a page without the values that it claims", ErrCorrupt)
	case r.nullable:
		return b.appendNullable(r.page.values[:values], levels[:read])
	}
	return b.append(r.page.values[:values])
}

func (r *textReader) close() error {
	if r.chunk == nil {
		return nil
	}
	chunk := r.chunk
	r.chunk = nil
	if err := chunk.Err(); err != nil {
		_ = chunk.Close()
		return err
	}
	return chunk.Close()
}

// textBuilder is an array that is being made.
type textBuilder struct {
	valid, ends, bytes *memory.Buffer // ends behind a zero
	rows, nulls        int
	end                int // of the last value
}

func newTextBuilder(rows int, nullable bool, allocator memory.Allocator) *textBuilder {
	b := &textBuilder{ends: memory.NewResizableBuffer(allocator), bytes: memory.NewResizableBuffer(allocator)}
	b.ends.Resize(arrow.Int32Traits.BytesRequired(1 + rows))
	if nullable {
		b.valid = memory.NewResizableBuffer(allocator)
		b.valid.Resize(int(bitutil.BytesForBits(int64(rows))))
	}
	return b
}

func (b *textBuilder) append(values []parquet.ByteArray) error {
	begin, end := b.end, b.end
	ends := b.nextEnds(len(values))
	for i, v := range values {
		end += len(v)
		ends[i] = int32(end) // copy refuses what is too much
	}
	b.rows += len(values)
	return b.copy(values, begin, end)
}

func (b *textBuilder) appendNullable(values []parquet.ByteArray, levels []int16) error {
	begin, end := b.end, b.end
	ends, next := b.nextEnds(len(levels)), 0
	for i, level := range levels {
		if level != 0 {
			bitutil.SetBit(b.valid.Bytes(), b.rows+i)
			end += len(values[next])
			next++
		}
		ends[i] = int32(end) // copy refuses what is too much
	}
	b.rows += len(levels)
	b.nulls += len(levels) - next
	return b.copy(values, begin, end)
}

func (b *textBuilder) nextEnds(rows int) []int32 {
	return arrow.Int32Traits.CastFromBytes(b.ends.Bytes())[1+b.rows:][:rows]
}

// copy appends the values' bytes, which lie from begin to end.
func (b *textBuilder) copy(values []parquet.ByteArray, begin, end int) error {
	if end > math.MaxInt32 {
		return fmt.Errorf("%w: %d bytes in a record", ErrCorrupt, end)
	}
	if end > b.bytes.Len() {
		b.bytes.Resize(max(end, 2*b.bytes.Len()))
	}
	to := b.bytes.Bytes()[begin:end]
	for _, v := range values {
		to = to[copy(to, v):]
	}
	b.end = end
	return nil
}

// array gives what was appended. The caller releases it.
func (b *textBuilder) array(t arrow.DataType) arrow.Array {
	b.ends.Resize(arrow.Int32Traits.BytesRequired(1 + b.rows))
	b.bytes.Resize(b.end)
	if b.valid != nil {
		b.valid.Resize(int(bitutil.BytesForBits(int64(b.rows))))
	}
	data := array.NewData(t, b.rows, []*memory.Buffer{b.valid, b.ends, b.bytes}, nil, b.nulls, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

func (b *textBuilder) release() {
	b.ends.Release()
	b.bytes.Release()
	if b.valid != nil {
		b.valid.Release()
	}
}
