package catalog

import (
	"context"
	"errors"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

// birth lets uploads that run at once into one new name make one dataset.
type birth struct {
	data    *store.Dataset
	format  string
	uploads int
	// uncertain keeps a dataset whose create entry may be in the log.
	uncertain bool
}

func (c *Catalog) newBirth(format string) *birth {
	return &birth{data: c.store.NewDataset(store.RandomID(), store.Format(format)), format: format}
}

// createLocked commits the entry that names a dataset. An entry of its own that
// an earlier try left in the log counts.
func (c *Catalog) createLocked(ctx context.Context, b *birth, create *createEntry) error {
	err := c.appendLocked(ctx, logEntry{Create: create})
	b.uncertain = errors.Is(err, ErrOutcomeUnknown)
	if e := c.names.Load().byID.get(create.ID); e != nil && e.data() == b.data {
		return nil
	}
	return err
}

// endBirthLocked forgets a birth that no upload works on any more, and its
// files if no entry came to name them.
func (c *Catalog) endBirthLocked(name string, b *birth) {
	if b.uploads > 0 || b.uncertain {
		return
	}
	if c.mu.births[name] == b {
		delete(c.mu.births, name)
	}
	if c.names.Load().byID.get(b.data.ID()) == nil {
		b.data.Drop()
	}
}
