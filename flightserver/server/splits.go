package server

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
)

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
