package filter

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
)

// Mask tells for each row of a record whether it is selected; what is null is
// not. The caller releases the mask and keeps the record.
func (f *Filter) Mask(ctx context.Context, record arrow.RecordBatch) (*array.Boolean, error) {
	return f.root.evaluate(ctx, record)
}

// Select hands over the rows of a record that a mask of as many rows selects, in
// their order: in one record where Arrow's functions can make it, else in pieces
// that lie together. The caller keeps record and mask, and Select what it hands
// over.
func Select(ctx context.Context, record arrow.RecordBatch, mask *array.Boolean, give func(arrow.RecordBatch) error) error {
	n := selected(mask)
	switch {
	case n == 0:
		return nil
	case n == mask.Len():
		return give(record)
	case record.NumCols() == 0:
		return give(array.NewRecordBatch(record.Schema(), nil, int64(n)))
	case !selectable(arrow.StructOf(record.Schema().Fields()...)):
		return selectPieces(record, mask, give)
	}
	out, err := compute.FilterRecordBatch(ctx, record, mask, &compute.FilterOptions{NullSelection: compute.SelectionDropNulls})
	if err != nil {
		return err
	}
	defer out.Release()
	return give(out)
}

func selected(mask *array.Boolean) int {
	n := 0
	for i := range mask.Len() {
		if mask.IsValid(i) && mask.Value(i) {
			n++
		}
	}
	return n
}

// selectable tells whether Arrow's functions filter arrays of a type.
func selectable(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.STRING_VIEW, arrow.BINARY_VIEW, arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW, arrow.MAP, arrow.DECIMAL32, arrow.DECIMAL64,
		arrow.SPARSE_UNION, arrow.DENSE_UNION, arrow.RUN_END_ENCODED:
		return false
	}
	if extension, ok := t.(arrow.ExtensionType); ok {
		return selectable(extension.StorageType())
	}
	nested, ok := t.(arrow.NestedType)
	if !ok {
		return true
	}
	for _, f := range nested.Fields() {
		if !selectable(f.Type) {
			return false
		}
	}
	return true
}

func selectPieces(record arrow.RecordBatch, mask *array.Boolean, give func(arrow.RecordBatch) error) error {
	is := func(i int) bool { return mask.IsValid(i) && mask.Value(i) }
	for start := 0; start < mask.Len(); start++ {
		if !is(start) {
			continue
		}
		end := start + 1
		for end < mask.Len() && is(end) {
			end++
		}
		piece := record.NewSlice(int64(start), int64(end))
		err := give(piece)
		piece.Release()
		if err != nil {
			return err
		}
		start = end
	}
	return nil
}
