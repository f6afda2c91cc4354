package store

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// validate refuses what a reader of the stored file would stumble over: records
// of another schema, and values that do not fit together, such as an offset
// beyond its data. What it lets pass can be read again.
func validate(rec arrow.RecordBatch, schema *arrow.Schema) error {
	if err := CheckAssignable(schema, rec.Schema()); err != nil {
		return err
	}
	for i, f := range schema.Fields() {
		column := rec.Column(i)
		if err := validateColumn(column); err != nil {
			return fmt.Errorf("%w: field %q: %s", ErrMalformed, f.Name, strings.ReplaceAll(err.Error(), "arrow/array: ", ""))
		}
		if !f.Nullable && column.NullN() > 0 {
			return fmt.Errorf("%w: field %q has nulls, which the schema forbids", ErrSchemaMismatch, f.Name)
		}
	}
	return nil
}

// validateColumn reads every value. The library's checks index buffers that
// they have not measured yet, so they may panic where they should refuse.
func validateColumn(column arrow.Array) (err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("values of type %s do not fit together", column.DataType())
		}
	}()
	if isText(column) {
		return nil
	}
	data := completed(column.Data())
	defer data.Release()
	whole := array.MakeFromData(data)
	defer whole.Release()
	return array.ValidateFull(whole)
}

// isText tells whether a column is of texts that fit together, all of which can
// be read at once: the library looks at each by itself. What it does not
// recognise may be right nevertheless.
func isText(column arrow.Array) bool {
	if column.Len() == 0 || !countsNulls(column) {
		return false
	}
	switch a := column.(type) {
	case *array.String:
		return areTexts(a.ValueOffsets(), a.ValueBytes())
	case *array.LargeString:
		return areTexts(a.ValueOffsets(), a.ValueBytes())
	}
	return false
}

// countsNulls tells whether the bitmap has as many nulls as the column says.
func countsNulls(column arrow.Array) bool {
	bitmap, offset, n := column.NullBitmapBytes(), column.Data().Offset(), column.Len()
	if len(bitmap) == 0 {
		return column.NullN() == 0
	}
	return int64(len(bitmap)) >= bitutil.BytesForBits(int64(offset+n)) &&
		bitutil.CountSetBits(bitmap, offset, n) == n-column.NullN()
}

// areTexts wants offsets that ascend to the end of the data, valid UTF-8, and
// no offset within a character.
func areTexts[T int32 | int64](offsets []T, text []byte) bool {
	base := offsets[0]
	if base < 0 || int(offsets[len(offsets)-1]-base) != len(text) {
		return false
	}
	for before, i := base, 1; i < len(offsets); i++ {
		if offsets[i] < before {
			return false
		}
		before = offsets[i]
	}
	if isASCII(text) {
		return true
	}
	if !utf8.Valid(text) {
		return false
	}
	for _, at := range offsets {
		if at -= base; int(at) < len(text) && !utf8.RuneStart(text[at]) {
			return false
		}
	}
	return true
}

func isASCII(text []byte) bool {
	const high = 0x8080808080808080
	for len(text) >= 32 {
		a, b := binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[8:])
		c, d := binary.LittleEndian.Uint64(text[16:]), binary.LittleEndian.Uint64(text[24:])
		if (a|b|c|d)&high != 0 {
			return false
		}
		text = text[32:]
	}
	for _, b := range text {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// completed gives data the buffers that the library's checks ask for and its
// own decoders and builders leave out, at any depth. The caller releases it.
func completed(data arrow.ArrayData) arrow.ArrayData {
	buffers := append([]*memory.Buffer(nil), data.Buffers()...)
	switch data.DataType().ID() {
	case arrow.NULL, arrow.RUN_END_ENCODED:
		if len(buffers) == 0 {
			buffers = []*memory.Buffer{nil}
		}
	case arrow.DENSE_UNION:
		if data.Len() == 0 {
			none := memory.NewBufferBytes([]byte{})
			buffers = []*memory.Buffer{nil, none, none} // validity, types, offsets
		}
	}
	children := make([]arrow.ArrayData, len(data.Children()))
	for i, child := range data.Children() {
		children[i] = completed(child)
		defer children[i].Release()
	}
	return withType(data, data.DataType(), buffers, children)
}
