package server

import (
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/flight-operator/flight-operator/flightserver/filter"
)

// noLimit is the limit of a selection of all rows.
const noLimit = -1

// selection is a query that was fitted to a schema.
type selection struct {
	schema  *arrow.Schema  // of what is selected; nil: not known yet
	columns []int          // of the dataset, in the order that was asked for; nil: all
	filter  *filter.Filter // nil: all rows
	limit   int64          // over all partitions; noLimit: none
}

// fit finds a query's columns in a dataset's schema, nil where none is known.
func (q query) fit(schema *arrow.Schema) (selection, error) {
	s := selection{schema: schema, limit: noLimit}
	if q.Limit != nil {
		s.limit = *q.Limit
	}
	if q.Columns == nil && q.Filter == "" {
		return s, nil
	}
	if schema == nil {
		return selection{}, badRequest("dataset %q has no schema yet, so it has no columns to choose from", q.Dataset)
	}
	var err error
	if q.Columns != nil {
		if s.columns, s.schema, err = project(schema, q.Columns); err != nil {
			return selection{}, err
		}
	}
	if q.Filter != "" {
		s.filter, err = bindFilter(q.Filter, schema)
	}
	return s, err
}

// whole says that everything is selected, just as it is stored.
func (s selection) whole() bool { return s.columns == nil && s.filter == nil && s.limit == noLimit }

// project finds columns by their names. The fields keep their metadata, and the
// schema its own.
func project(schema *arrow.Schema, names []string) ([]int, *arrow.Schema, error) {
	columns := make([]int, 0, len(names))
	fields := make([]arrow.Field, 0, len(names))
	for i, name := range names {
		found := schema.FieldIndices(name)
		switch {
		case len(found) == 0:
			return nil, nil, badRequest("columns: there is no column %q", shorten(name))
		case len(found) > 1:
			return nil, nil, badRequest("columns: there are several columns %q", shorten(name))
		case slices.Contains(names[:i], name):
			return nil, nil, badRequest("columns: %q is asked for twice", shorten(name))
		}
		columns = append(columns, found[0])
		fields = append(fields, schema.Field(found[0]))
	}
	metadata := schema.Metadata()
	return columns, arrow.NewSchemaWithEndian(fields, &metadata, schema.Endianness()), nil
}

func bindFilter(text string, schema *arrow.Schema) (*filter.Filter, error) {
	expression, err := filter.Parse(text)
	if err == nil {
		var bound *filter.Filter
		if bound, err = expression.Bind(schema); err == nil {
			return bound, nil
		}
	}
	return nil, fmt.Errorf("%w: %w", errBadRequest, err)
}
