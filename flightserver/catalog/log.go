package catalog

import (
	"context"
	"errors"
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

	Cluster    *clusterEntry    `json:"cluster,omitempty"`
	Create     *createEntry     `json:"create,omitempty"`
	Declare    *declareEntry    `json:"declare,omitempty"`
	Rename     *renameEntry     `json:"rename,omitempty"`
	Drop       *dropEntry       `json:"drop,omitempty"`
	Checkpoint *checkpointEntry `json:"checkpoint,omitempty"`
}

type clusterEntry struct {
	UID string `json:"uid"`
}

type createEntry struct {
	ID       string   `json:"id"`
	Path     []string `json:"path"`
	Format   string   `json:"format"`
	Schema   []byte   `json:"schema,omitempty"` // an IPC schema message
	Declared bool     `json:"declared,omitempty"`
	// Access is not checked when it is read: what this server does not know of it
	// lets nobody in.
	Access []settings.AccessRule `json:"access,omitzero"`
	policyJSON
}

// declareEntry is the latest declaration of a dataset, but for the schema that
// an earlier one bound.
type declareEntry struct {
	ID     string                `json:"id"`
	Schema []byte                `json:"schema,omitempty"`
	Access []settings.AccessRule `json:"access,omitzero"`
	policyJSON
}

type renameEntry struct {
	ID   string   `json:"id"`
	Path []string `json:"path"`
}

type dropEntry struct {
	ID string `json:"id"`
}

// policyJSON leaves out what the zero policy has.
type policyJSON struct {
	Retention   *retentionJSON `json:"retention,omitempty"`
	Compression string         `json:"compression,omitempty"`
}

type retentionJSON struct {
	Versions int           `json:"versions,omitempty"`
	Age      time.Duration `json:"age,omitempty"` // nanoseconds
	Bytes    int64         `json:"bytes,omitempty"`
}

func encodePolicy(p Policy) policyJSON {
	encoded := policyJSON{Compression: string(p.Compression)}
	if r := p.Retention; r != (Retention{}) {
		encoded.Retention = (*retentionJSON)(&r)
	}
	return encoded
}

func (p policyJSON) policy() Policy {
	policy := Policy{Compression: Compression(p.Compression)}
	if p.Retention != nil {
		policy.Retention = Retention(*p.Retention)
	}
	return policy
}

// check refuses what no server writes.
func (p policyJSON) check() error {
	switch Compression(p.Compression) {
	case store.CompressionNone, store.CompressionLZ4, store.CompressionZSTD:
		return nil
	}
	return fmt.Errorf("%.64q is not a compression", p.Compression)
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

// subject is the id of the one dataset that the entry tells of; empty: none.
func (e *logEntry) subject() string {
	switch {
	case e.Create != nil:
		return e.Create.ID
	case e.Declare != nil:
		return e.Declare.ID
	case e.Rename != nil:
		return e.Rename.ID
	case e.Drop != nil:
		return e.Drop.ID
	}
	return ""
}

// check refuses what no server writes, above all ids that are not names of
// directories.
func (e *logEntry) check(n uint64) error {
	kinds := 0
	for _, is := range []bool{
		e.Cluster != nil, e.Create != nil, e.Declare != nil, e.Rename != nil, e.Drop != nil, e.Checkpoint != nil,
	} {
		if is {
			kinds++
		}
	}
	switch {
	case e.Number != n:
		return fmt.Errorf("it is entry %d", e.Number)
	case kinds != 1:
		return fmt.Errorf("it says %d things, want one", kinds)
	case (e.Cluster != nil) != (n == 0):
		return fmt.Errorf("entry 0 alone names the cluster")
	case e.Cluster != nil:
		return nil
	case e.Checkpoint != nil:
		return e.Checkpoint.check(n)
	case !store.IsID(e.subject()):
		return fmt.Errorf("%.64q is not a dataset's id", e.subject())
	case e.Create != nil:
		return e.Create.check()
	case e.Declare != nil:
		return e.Declare.check()
	case e.Rename != nil:
		return checkName(joinPath(e.Rename.Path))
	}
	return nil
}

func (c *createEntry) check() error {
	switch {
	case !store.IsID(c.ID):
		return fmt.Errorf("%.64q is not a dataset's id", c.ID)
	case c.Format != settings.FormatArrow && c.Format != settings.FormatParquet:
		return fmt.Errorf("%.64q is not a format", c.Format)
	}
	return errors.Join(c.policyJSON.check(), checkName(joinPath(c.Path)))
}

// logFile is what people find an entry under.
func logFile(n uint64) string { return path.Join(store.CatalogLog, fmt.Sprintf("%020d", n)) }

// readEntries reads all entries that are there, in order.
func readEntries(ctx context.Context, c store.Commits) ([]*logEntry, error) {
	numbers, err := c.List(ctx, store.CatalogLog)
	if err != nil {
		return nil, err
	}
	entries := make([]*logEntry, len(numbers))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i, n := range numbers {
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

// next gives the dataset that an entry leaves of the one before; nil: none.
func (e *logEntry) next(before *entry, schemas *store.Schemas) (*entry, error) {
	switch {
	case e.Create != nil && before == nil:
		return e.Create.entry(e.Created, schemas)
	case e.Create != nil:
		return nil, errors.New("it creates a dataset that is there")
	case before == nil:
		return nil, fmt.Errorf("dataset %s is not there", e.subject())
	case e.Declare != nil:
		return e.Declare.entry(before, schemas)
	case e.Rename != nil:
		after := *before
		after.path, after.name = slices.Clone(e.Rename.Path), joinPath(e.Rename.Path)
		return &after, nil
	}
	return nil, nil // it is dropped
}

func (c *createEntry) entry(created time.Time, schemas *store.Schemas) (_ *entry, err error) {
	e := &entry{
		id: c.ID, path: slices.Clone(c.Path), name: joinPath(c.Path), format: c.Format, created: created,
		declared: c.Declared, access: c.Access, policy: c.policy(), contents: &contents{},
	}
	if c.Schema != nil {
		e.schema, err = schemas.Decode(c.Schema)
	}
	return e, err
}

func (d *declareEntry) entry(before *entry, schemas *store.Schemas) (_ *entry, err error) {
	e := *before
	e.declared, e.access, e.policy = true, d.Access, d.policy()
	if d.Schema != nil {
		e.schema, err = schemas.Decode(d.Schema)
	}
	return &e, err
}
