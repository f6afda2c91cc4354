package transfer

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/formats"
)

// unite gives the one schema that batches of all the sources are sent with:
// the first source's, with every column nullable that is nullable in any.
// Sources differ in their metadata without harm, in their columns they do not.
func unite(sources []formats.Source, o formats.ReadOptions) (*arrow.Schema, error) {
	var schema *arrow.Schema
	for _, s := range sources {
		if schema != nil && !s.Repeatable() {
			return nil, fmt.Errorf("%s cannot be one of several sources of a dataset", s)
		}
		next, err := readSchema(s, o)
		if err != nil {
			return nil, err
		}
		if schema == nil {
			schema = next
			continue
		}
		if schema, err = merge(schema, next); err != nil {
			return nil, fmt.Errorf("%s does not fit %s: %w", s, sources[0], err)
		}
	}
	return schema, nil
}

func readSchema(s formats.Source, o formats.ReadOptions) (*arrow.Schema, error) {
	r, err := formats.Open(s, o)
	if err != nil {
		return nil, err
	}
	return r.Schema(), r.Close()
}

func merge(a, b *arrow.Schema) (*arrow.Schema, error) {
	if a.NumFields() != b.NumFields() {
		return nil, fmt.Errorf("it has %d columns, not %d", b.NumFields(), a.NumFields())
	}
	fields := a.Fields()
	for i, f := range b.Fields() {
		if f.Name != fields[i].Name {
			return nil, fmt.Errorf("its column %d is %q, not %q", i+1, f.Name, fields[i].Name)
		}
		if !arrow.TypeEqual(f.Type, fields[i].Type) {
			return nil, fmt.Errorf("its column %q is %s, not %s", f.Name, f.Type, fields[i].Type)
		}
		fields[i].Nullable = fields[i].Nullable || f.Nullable
	}
	meta := a.Metadata()
	return arrow.NewSchema(fields, &meta), nil
}

// withSchema gives the same columns under another schema; the caller releases
// both.
func withSchema(rec arrow.RecordBatch, schema *arrow.Schema) arrow.RecordBatch {
	return array.NewRecordBatch(schema, rec.Columns(), rec.NumRows())
}
