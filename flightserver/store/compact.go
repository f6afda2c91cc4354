package store

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// compact copies the columns of a slice that hold one of the types, so that
// they begin at zero: the library writes a slice of a list view not at all, and
// that of a list of fixed size to Parquet from the wrong place. The caller
// releases the result.
func compact(rec arrow.RecordBatch, types ...arrow.Type) (arrow.RecordBatch, error) {
	var columns []arrow.Array
	for i, column := range rec.Columns() {
		if column.Data().Offset() == 0 || !holds(column.DataType(), types) {
			continue
		}
		if columns == nil {
			columns = slices.Clone(rec.Columns())
		}
		c, err := array.Concatenate([]arrow.Array{column}, memory.DefaultAllocator)
		if err != nil {
			return nil, err
		}
		defer c.Release()
		columns[i] = c
	}
	if columns == nil {
		rec.Retain()
		return rec, nil
	}
	return withColumns(rec, rec.Schema(), columns), nil
}

// holds tells whether a type is, or contains, one of the others.
func holds(t arrow.DataType, types []arrow.Type) bool {
	if slices.Contains(types, t.ID()) {
		return true
	}
	nested, ok := t.(arrow.NestedType)
	return ok && slices.ContainsFunc(nested.Fields(), func(f arrow.Field) bool { return holds(f.Type, types) })
}

// withColumns gives a record another schema and columns, yet its own metadata.
func withColumns(rec arrow.RecordBatch, schema *arrow.Schema, columns []arrow.Array) arrow.RecordBatch {
	var metadata arrow.Metadata
	if m, ok := rec.(arrow.RecordBatchWithMetadata); ok {
		metadata = m.Metadata()
	}
	return array.NewRecordBatchWithMetadata(schema, columns, rec.NumRows(), metadata)
}
