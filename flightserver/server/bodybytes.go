package server

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
)

// bodyBytes tells how large the message of a record that splits will be, without
// making it: the bytes of its rows, where the buffers behind a slice may be far
// larger.
func bodyBytes(record arrow.RecordBatch) int64 {
	var sum int64
	for _, column := range record.Columns() {
		sum += arrayBytes(column)
	}
	return sum
}

func arrayBytes(a arrow.Array) int64 {
	n := int64(a.Len())
	if n == 0 {
		return 0
	}
	validity := bitutil.BytesForBits(n)
	switch a := a.(type) {
	case array.ExtensionArray:
		return arrayBytes(a.Storage())
	case *array.Dictionary:
		return arrayBytes(a.Indices()) // the values are a message of their own
	case *array.String:
		return validity + 4*(n+1) + int64(len(a.ValueBytes()))
	case *array.Binary:
		return validity + 4*(n+1) + int64(len(a.ValueBytes()))
	case *array.LargeString:
		return validity + 8*(n+1) + int64(len(a.ValueBytes()))
	case *array.LargeBinary:
		return validity + 8*(n+1) + int64(len(a.ValueBytes()))
	case *array.Struct:
		return validity + structBytes(a)
	case array.ListLike:
		return validity + 8*(n+1) + listBytes(a)
	}
	if fixed, ok := a.DataType().(arrow.FixedWidthDataType); ok {
		return validity + bitutil.BytesForBits(n*int64(fixed.BitWidth()))
	}
	return 0 // nulls
}

func structBytes(a *array.Struct) int64 {
	var sum int64
	for i := range a.NumField() {
		sum += arrayBytes(a.Field(i))
	}
	return sum
}

func listBytes(a array.ListLike) int64 {
	from, _ := a.ValueOffsets(0)
	_, to := a.ValueOffsets(a.Len() - 1)
	values := array.NewSlice(a.ListValues(), from, to)
	defer values.Release()
	return arrayBytes(values)
}

// splits tells whether a slice of the type's arrays sends the slice's bytes
// alone. Views, unions and run ends send what they point into whole, with every
// slice again: a record with such a column is better sent in one message.
func splits(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.STRING_VIEW, arrow.BINARY_VIEW, arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW,
		arrow.SPARSE_UNION, arrow.DENSE_UNION, arrow.RUN_END_ENCODED:
		return false
	}
	if extension, ok := t.(arrow.ExtensionType); ok {
		return splits(extension.StorageType())
	}
	if nested, ok := t.(arrow.NestedType); ok {
		return !slices.ContainsFunc(nested.Fields(), func(f arrow.Field) bool { return !splits(f.Type) })
	}
	return true
}
