package catalog

import (
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/store"
)

const (
	entryKind = "catalog"
	// readers is how many files a start reads at once: disks answer several
	// requests in the time of one.
	readers = 16
)

// logEntry is one entry of the catalog's log. Exactly one of its pointers is
// set.
type logEntry struct {
	Number  uint64    `json:"n"`
	Nonce   string    `json:"nonce"` // tells the own entry from another's
	Created time.Time `json:"created"`

	Cluster *clusterEntry `json:"cluster,omitempty"`
	Create  *createEntry  `json:"create,omitempty"`
	Declare *declareEntry `json:"declare,omitempty"`
	Drop    *dropEntry    `json:"drop,omitempty"`
}

type clusterEntry struct {
	UID string `json:"uid"`
}

type createEntry struct {
	ID     string   `json:"id"`
	Path   []string `json:"path"`
	Format string   `json:"format"`
	Schema []byte   `json:"schema,omitempty"` // an IPC schema message
}

type declareEntry struct {
	ID     string `json:"id"`
	Schema []byte `json:"schema"`
}

type dropEntry struct {
	ID string `json:"id"`
}

func decodeLogEntry(n uint64, body []byte) (*logEntry, error) {
	e := &logEntry{}
	if err := store.DecodeEntry(entryKind, body, e); err != nil {
		return nil, err
	}
	if err := e.check(n); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return e, nil
}

// check refuses what no server writes, above all ids that are not names of
// directories.
func (e *logEntry) check(n uint64) error {
	kinds, id := 0, ""
	if e.Cluster != nil {
		kinds++
	}
	if e.Create != nil {
		kinds, id = kinds+1, e.Create.ID
	}
	if e.Declare != nil {
		kinds, id = kinds+1, e.Declare.ID
	}
	if e.Drop != nil {
		kinds, id = kinds+1, e.Drop.ID
	}
	switch {
	case e.Number != n:
		return fmt.Errorf("it is entry %d", e.Number)
	case kinds != 1:
		return fmt.Errorf("it says %d things, want one", kinds)
	case (e.Cluster != nil) != (n == 0):
		return fmt.Errorf("entry 0 alone names the cluster")
	case e.Cluster == nil && !store.IsID(id):
		return fmt.Errorf("%.64q is not a dataset's id", id)
	case e.Create == nil:
		return nil
	case e.Create.Format != settings.FormatArrow && e.Create.Format != settings.FormatParquet:
		return fmt.Errorf("%.64q is not a format", e.Create.Format)
	}
	return checkName(joinPath(e.Create.Path))
}

// logFile is what people find an entry under.
func logFile(n uint64) string { return path.Join(store.CatalogLog, fmt.Sprintf("%020d", n)) }

// readLog reads all entries in order. A gap means that something removed files
// by hand: nothing after it can be trusted.
func readLog(ctx context.Context, c store.Commits) ([]*logEntry, error) {
	numbers, err := c.List(ctx, store.CatalogLog)
	if err != nil {
		return nil, err
	}
	entries := make([]*logEntry, len(numbers))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i, n := range numbers {
		if n != uint64(i) {
			return nil, fmt.Errorf("%s: %w: it is missing, %s is there", logFile(uint64(i)), ErrCorrupt, logFile(n))
		}
		g.Go(func() error {
			body, err := c.Read(ctx, store.CatalogLog, n)
			if err != nil {
				return err
			}
			if entries[i], err = decodeLogEntry(n, body); err != nil {
				return fmt.Errorf("%s: %w", logFile(n), err)
			}
			return nil
		})
	}
	return entries, g.Wait()
}

// fold gives the datasets that are there after the entries, without data.
func fold(entries []*logEntry) (map[string]*entry, error) {
	live := map[string]*entry{}
	taken := map[string]bool{}
	for _, l := range entries {
		if err := apply(live, taken, l); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", logFile(l.Number), ErrCorrupt, err)
		}
	}
	return live, nil
}

func apply(live map[string]*entry, taken map[string]bool, l *logEntry) error {
	switch {
	case l.Create != nil:
		e, err := l.Create.entry(l.Created)
		if err != nil {
			return err
		}
		if live[e.id] != nil || taken[e.name] {
			return fmt.Errorf("it creates %s, which is there", quote(e.name))
		}
		live[e.id], taken[e.name] = e, true
	case l.Declare != nil:
		e := live[l.Declare.ID]
		if e == nil {
			return fmt.Errorf("dataset %s is not there", l.Declare.ID)
		}
		declared, err := l.Declare.entry(e)
		if err != nil {
			return err
		}
		live[e.id] = declared
	case l.Drop != nil:
		e := live[l.Drop.ID]
		if e == nil {
			return fmt.Errorf("dataset %s is not there", l.Drop.ID)
		}
		delete(live, e.id)
		delete(taken, e.name)
	}
	return nil
}

func (c *createEntry) entry(created time.Time) (*entry, error) {
	e := &entry{id: c.ID, path: slices.Clone(c.Path), name: joinPath(c.Path), format: c.Format, created: created}
	if c.Schema == nil {
		return e, nil
	}
	schema, err := store.DecodeSchema(c.Schema)
	e.schema = schema
	return e, err
}

func (d *declareEntry) entry(before *entry) (*entry, error) {
	e := *before
	schema, err := store.DecodeSchema(d.Schema)
	e.schema = schema
	return &e, err
}
