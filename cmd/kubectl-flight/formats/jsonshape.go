package formats

import "github.com/apache/arrow-go/v18/arrow"

// Kinds of JSON values beside those of text; what mixes them with another
// kind becomes text.
const (
	list kind = text + 1 + iota
	object
)

// shape is what all values of one JSON column have in common.
type shape struct {
	kind  kind
	item  *shape   // of a list
	names []string // of an object, in the order in which they appeared
	keys  map[string]*shape
}

func (s *shape) observe(v jsonValue) {
	switch v.start {
	case 'n':
	case 't', 'f':
		s.kind = widen(s.kind, boolean)
	case '"':
		if s.kind != text {
			s.kind = widen(s.kind, timeKind(v.text))
		}
	case '[':
		s.kind = widen(s.kind, list)
		s.observeItems(v)
	case '{':
		s.kind = widen(s.kind, object)
		s.observeKeys(v)
	default:
		s.kind = widen(s.kind, kindOf(v.text))
	}
}

func (s *shape) observeItems(v jsonValue) {
	if s.item == nil {
		s.item = &shape{}
	}
	for _, item := range v.items {
		s.item.observe(item)
	}
}

func (s *shape) observeKeys(v jsonValue) {
	if s.keys == nil {
		s.keys = map[string]*shape{}
	}
	for i, name := range v.keys {
		key, ok := s.keys[name]
		if !ok {
			key = &shape{}
			s.keys[name] = key
			s.names = append(s.names, name)
		}
		key.observe(v.items[i])
	}
}

func (s *shape) dataType() arrow.DataType {
	switch {
	case s.kind == list:
		return arrow.ListOf(s.item.dataType())
	case s.kind == object && len(s.names) > 0:
		return arrow.StructOf(s.fields()...)
	case s.kind == object: // Parquet has no struct without fields
		return kindTypes[text]
	}
	return kindTypes[s.kind]
}

func (s *shape) fields() []arrow.Field {
	fields := make([]arrow.Field, len(s.names))
	for i, name := range s.names {
		fields[i] = arrow.Field{Name: name, Type: s.keys[name].dataType(), Nullable: true}
	}
	return fields
}
