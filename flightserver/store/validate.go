package store

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
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
	data := completed(column.Data())
	defer data.Release()
	whole := array.MakeFromData(data)
	defer whole.Release()
	return array.ValidateFull(whole)
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
