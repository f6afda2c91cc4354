package catalog

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// ParseSchema turns a declared schema into an Arrow one. A nil schema, which
// leaves it to the first upload, stays nil.
func ParseSchema(s *settings.DatasetSchema) (*arrow.Schema, error) {
	if s == nil {
		return nil, nil
	}
	fields := make([]arrow.Field, len(s.Fields))
	for i, f := range s.Fields {
		t, err := ParseType(f.Type)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", f.Name, err)
		}
		fields[i] = arrow.Field{Name: f.Name, Type: t, Nullable: f.Nullable}
	}
	return arrow.NewSchema(fields, nil), nil
}
