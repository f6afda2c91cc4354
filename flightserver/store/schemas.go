package store

import (
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
)

const (
	maxKnownSchemas     = 512
	maxKnownSchemaBytes = 8 << 10
)

// Schemas remembers what was decoded last. Datasets often have the schema of
// others, and it is the largest part of what is kept of a small one in memory.
type Schemas struct {
	mu    sync.Mutex
	known map[string]*arrow.Schema // by their encoding
}

// Decode is DecodeSchema, which gives equal schemas as one where it can. A nil
// receiver remembers nothing.
func (s *Schemas) Decode(encoded []byte) (*arrow.Schema, error) {
	if s == nil || len(encoded) > maxKnownSchemaBytes {
		return DecodeSchema(encoded)
	}
	s.mu.Lock()
	schema := s.known[string(encoded)]
	s.mu.Unlock()
	if schema != nil {
		return schema, nil
	}
	schema, err := DecodeSchema(encoded)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= maxKnownSchemas {
		s.known = map[string]*arrow.Schema{}
	}
	s.known[string(encoded)] = schema
	return schema, nil
}
