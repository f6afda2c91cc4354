package store

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

const newestKind = "newest"

// newestEntry is the content of the file of the newest versions.
type newestEntry struct {
	Schemas  [][]byte            `json:"schemas"`
	Datasets []newestDescription `json:"datasets"`
}

type newestDescription struct {
	ID         string      `json:"id"`
	Entry      uint64      `json:"n"`
	Version    uint64      `json:"version"`
	Created    time.Time   `json:"created"`
	Rows       int64       `json:"rows"`
	Bytes      int64       `json:"bytes"`
	Schema     int         `json:"schema"` // its place among the schemas
	Partitions []Partition `json:"partitions"`
}

// newestEncoder writes the file. Schemas that datasets share are in it once.
type newestEncoder struct {
	entry  newestEntry
	places map[*arrow.Schema]int
}

func (e *newestEncoder) add(id string, entry uint64, v Version) error {
	place, known := e.places[v.Schema]
	if !known {
		encoded, err := EncodeSchema(v.Schema)
		if err != nil {
			return err
		}
		if e.places == nil {
			e.places = map[*arrow.Schema]int{}
		}
		place = len(e.entry.Schemas)
		e.places[v.Schema] = place
		e.entry.Schemas = append(e.entry.Schemas, encoded)
	}
	e.entry.Datasets = append(e.entry.Datasets, newestDescription{
		ID: id, Entry: entry, Version: v.Number, Created: v.Created, Rows: v.Rows, Bytes: v.Bytes,
		Schema: place, Partitions: v.Partitions,
	})
	return nil
}

func (e *newestEncoder) encode() ([]byte, error) {
	body, err := json.Marshal(e.entry)
	if err != nil {
		return nil, err
	}
	return seal(newestKind, body), nil
}

func decodeNewest(content []byte, schemas *Schemas) (map[string]*described, error) {
	var entry newestEntry
	if err := unseal(newestKind, content, &entry); err != nil {
		return nil, err
	}
	decoded := make([]*arrow.Schema, len(entry.Schemas))
	for i, encoded := range entry.Schemas {
		var err error
		if decoded[i], err = schemas.Decode(encoded); err != nil {
			return nil, err
		}
	}
	byID := make(map[string]*described, len(entry.Datasets))
	for _, d := range entry.Datasets {
		if d.Schema < 0 || d.Schema >= len(decoded) {
			return nil, fmt.Errorf("%w: schema %d of %d", ErrCorrupt, d.Schema, len(decoded))
		}
		byID[d.ID] = &described{entry: d.Entry, version: Version{
			Number: d.Version, Created: d.Created, Rows: d.Rows, Bytes: d.Bytes,
			Schema: decoded[d.Schema], Partitions: d.Partitions,
		}}
	}
	return byID, nil
}
