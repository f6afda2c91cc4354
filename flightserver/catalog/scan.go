package catalog

import (
	"context"
	"fmt"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

// What a scan gives and an upload takes is the store's.
type (
	Scan        = store.Scan
	Message     = store.Message
	Room        = store.Room
	Batch       = store.Batch
	Stats       = store.Stats
	ColumnStats = store.ColumnStats
)

// Scan reads a partition of one version of a dataset. The caller releases the
// scan, which keeps the version's files until then. The context ends the
// reading. Version 0 of a dataset with a declared schema has no rows.
func (c *Catalog) Scan(ctx context.Context, id string, version uint64, partition int) (*Scan, error) {
	e := c.names.Load().byID.get(id)
	switch {
	case e == nil:
		return nil, fmt.Errorf("%w: it was dropped, or never there", ErrDatasetNotFound)
	case version == 0 && e.schema != nil:
		return store.NewEmptyScan(e.schema)
	}
	data, err := c.load(ctx, e)
	if err != nil {
		return nil, about(e.name, err)
	}
	s, err := data.Acquire(version)
	if err != nil {
		return nil, e.about(err, version)
	}
	return s.Scan(ctx, e.name, partition)
}
