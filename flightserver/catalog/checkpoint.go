package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

const (
	// checkpointAfter is how many entries a log has at least before they are
	// summed up: a start reads so many files at once.
	checkpointAfter = 1024
	// checkpointShare keeps the work for checkpoints in proportion: where there
	// are many datasets, the entries must be a share of them.
	checkpointShare = 4
	// partBytes leaves room in an entry for what surrounds the datasets.
	partBytes = store.MaxEntryBytes - 4<<10
	// maxSchemaBytes keeps any one dataset smaller than a part.
	maxSchemaBytes = 512 << 10
)

// checkpointEntry is a part of a checkpoint, which has the datasets that were
// there before entry At. One whose parts are all in the log stands for the
// entries below At. Other entries may lie between the parts.
type checkpointEntry struct {
	ID       string    `json:"id"`
	At       uint64    `json:"at"`
	Part     int       `json:"part"` // from 0
	Parts    int       `json:"parts"`
	Cluster  string    `json:"cluster"`
	Datasets []summary `json:"datasets"`
}

// summary is what the entries of one dataset come to.
type summary struct {
	createEntry

	Created time.Time `json:"created"`
}

func (e *entry) summary() (summary, error) {
	s := summary{
		createEntry: createEntry{
			ID: e.id, Path: e.path, Format: e.format, Declared: e.declared, Access: e.access, policyJSON: encodePolicy(e.policy),
		},
		Created: e.created,
	}
	var err error
	if e.schema != nil {
		s.Schema, err = store.EncodeSchema(e.schema)
	}
	return s, err
}

func (c *checkpointEntry) check(n uint64) error {
	if !store.IsID(c.ID) || c.Part < 0 || c.Part >= c.Parts || c.At == 0 || c.At > n {
		return fmt.Errorf("no checkpoint has part %d of %d, of the entries below %d", c.Part, c.Parts, c.At)
	}
	for _, d := range c.Datasets {
		if err := d.check(); err != nil {
			return err
		}
	}
	return nil
}

// lastCheckpoint gives the parts of the newest checkpoint that has them all.
func lastCheckpoint(entries []*logEntry) (last []*logEntry) {
	found := map[string]map[int]*logEntry{}
	for _, l := range entries {
		c := l.Checkpoint
		if c == nil {
			continue
		}
		if found[c.ID] == nil {
			found[c.ID] = map[int]*logEntry{}
		}
		found[c.ID][c.Part] = l
		if len(found[c.ID]) < c.Parts || (len(last) > 0 && last[0].Checkpoint.At > c.At) {
			continue
		}
		last = nil
		for _, part := range found[c.ID] {
			last = append(last, part)
		}
	}
	return last
}

// checkpointDue tells whether the log is long.
func (c *Catalog) checkpointDue() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.tail >= max(checkpointAfter, c.Len()/checkpointShare)
}

// checkpoint writes what the log says in few entries, and removes those before.
// Until the last part is written, a start reads what was there.
func (c *Catalog) checkpoint(ctx context.Context) error {
	c.mu.Lock()
	at, tail, all := c.mu.next, c.mu.tail, c.names.Load()
	c.mu.Unlock()
	parts, err := summarize(all)
	if err != nil {
		return err
	}
	id := store.RandomID()
	for i, datasets := range parts {
		err := c.append(ctx, logEntry{Checkpoint: &checkpointEntry{
			ID: id, At: at, Part: i, Parts: len(parts), Cluster: c.options.ClusterUID, Datasets: datasets,
		}})
		if err != nil {
			return err
		}
	}
	c.mu.Lock()
	c.mu.tail -= tail
	c.mu.Unlock()
	return c.store.Commits().Trim(ctx, store.CatalogLog, at)
}

// summarize gives the datasets in parts that fit into an entry each; one part
// where there is none.
func summarize(all *names) ([][]summary, error) {
	parts := [][]summary{nil}
	room := partBytes
	for _, e := range all.byID.all {
		s, err := e.summary()
		if err != nil {
			return nil, about(e.name, err)
		}
		text, err := json.Marshal(s)
		if err != nil {
			return nil, about(e.name, err)
		}
		last := len(parts) - 1
		if room -= len(text) + 1; room < 0 && len(parts[last]) > 0 {
			parts = append(parts, nil)
			last++
			room = partBytes - len(text) - 1
		}
		parts[last] = append(parts[last], s)
	}
	return parts, nil
}
