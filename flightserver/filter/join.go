package filter

import (
	"context"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
)

// Join makes one record of several of one schema, in their order; false where
// Arrow's functions cannot: they join no unions, slices of run-end encoded
// columns wrongly, and few dictionaries that differ. The caller keeps the
// records and releases the one, which lies in the context's allocator.
func Join(ctx context.Context, records []arrow.RecordBatch) (arrow.RecordBatch, bool) {
	schema := records[0].Schema()
	if !joinable(arrow.StructOf(schema.Fields()...)) {
		return nil, false
	}
	columns := make([]arrow.Array, 0, schema.NumFields())
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	var rows int64
	for _, r := range records {
		rows += r.NumRows()
	}
	parts := make([]arrow.Array, len(records))
	for i := range schema.NumFields() {
		for j, r := range records {
			parts[j] = r.Column(i)
		}
		column, err := array.Concatenate(parts, compute.GetAllocator(ctx))
		if err != nil {
			return nil, false
		}
		columns = append(columns, column)
	}
	return array.NewRecordBatch(schema, columns, rows), true
}

func joinable(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.SPARSE_UNION, arrow.DENSE_UNION, arrow.RUN_END_ENCODED, arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW:
		return false
	}
	if extension, ok := t.(arrow.ExtensionType); ok {
		return joinable(extension.StorageType())
	}
	nested, ok := t.(arrow.NestedType)
	return !ok || !slices.ContainsFunc(nested.Fields(), func(f arrow.Field) bool { return !joinable(f.Type) })
}
