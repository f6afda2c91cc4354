package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

const (
	// newestFile is what a clean stop leaves: the newest version of each
	// dataset, so that a start lists them without reading their logs.
	newestFile = "NEWEST"
	newestKind = "newest"
	// maxNewestBytes is more than a hundred thousand datasets take with schemas
	// of their own.
	maxNewestBytes = 256 << 20
)

// newestEntry is the content of the file.
type newestEntry struct {
	Schemas  [][]byte            `json:"schemas"`
	Datasets []newestDescription `json:"datasets"`
}

// newestDescription is the newest version of a dataset.
type newestDescription struct {
	ID         string      `json:"id"`
	Version    uint64      `json:"version"`
	Created    time.Time   `json:"created"`
	Rows       int64       `json:"rows"`
	Bytes      int64       `json:"bytes"`
	Schema     int         `json:"schema"` // its place among the schemas
	Partitions []Partition `json:"partitions"`
}

// newest knows the datasets that are not loaded, as a clean stop left them.
type newest struct {
	mu   sync.Mutex
	byID map[string]Version
}

func (n *newest) get(id string) (Version, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	v, ok := n.byID[id]
	return v, ok
}

func (n *newest) forget(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.byID, id)
}

// take reads the file and removes it, before anything is written that it does
// not tell of. One that cannot be read is none: the logs say the same.
func (n *newest) take(dirs *directories, schemas *Schemas) error {
	content, err := dirs.readFile(newestFile, maxNewestBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		n.byID, _ = decodeNewest(content, schemas)
	}
	if err := dirs.fs.Remove(dirs.path(newestFile)); err != nil {
		return fmt.Errorf("removing %s: %w", newestFile, err)
	}
	return dirs.sync(".")
}

func decodeNewest(content []byte, schemas *Schemas) (map[string]Version, error) {
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
	byID := make(map[string]Version, len(entry.Datasets))
	for _, d := range entry.Datasets {
		if d.Schema < 0 || d.Schema >= len(decoded) {
			return nil, fmt.Errorf("%w: schema %d of %d", ErrCorrupt, d.Schema, len(decoded))
		}
		byID[d.ID] = Version{
			Number: d.Version, Created: d.Created, Rows: d.Rows, Bytes: d.Bytes,
			Schema: decoded[d.Schema], Partitions: d.Partitions,
		}
	}
	return byID, nil
}

// leave writes the file for the next start.
func (n *newest) leave(dirs *directories) error {
	content, err := n.encode()
	if err == nil {
		err = dirs.writeFile(newestFile, content)
	}
	return noSpace(err)
}

func (n *newest) encode() ([]byte, error) {
	var entry newestEntry
	places := map[*arrow.Schema]int{}
	for id, v := range n.byID {
		place, known := places[v.Schema]
		if !known {
			encoded, err := EncodeSchema(v.Schema)
			if err != nil {
				return nil, err
			}
			place = len(entry.Schemas)
			places[v.Schema] = place
			entry.Schemas = append(entry.Schemas, encoded)
		}
		entry.Datasets = append(entry.Datasets, newestDescription{
			ID: id, Version: v.Number, Created: v.Created, Rows: v.Rows, Bytes: v.Bytes, Schema: place, Partitions: v.Partitions,
		})
	}
	body, err := json.Marshal(entry)
	if err != nil {
		return nil, err
	}
	return seal(newestKind, body), nil
}

// NewestOf describes the newest version of a dataset that was not loaded since
// a clean stop; false where only LoadDataset can tell.
func (s *Store) NewestOf(id string) (Version, bool) { return s.newest.get(id) }

// leaveNewest tells the next start of all that is certain now. Nothing is
// committed any more.
func (s *Store) leaveNewest() error {
	for _, d := range s.all() {
		d.committing.Lock() // a commit that began before ends before
		if v := d.Newest(); v.Number > 0 && !d.unsettled && !d.isDropped() {
			s.newest.put(d.id, v)
		}
		d.committing.Unlock()
	}
	return s.newest.leave(s.dirs)
}

func (n *newest) put(id string, v Version) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.byID == nil {
		n.byID = map[string]Version{}
	}
	n.byID[id] = v
}
