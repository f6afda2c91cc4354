package catalog

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

// Open takes the directory's lock and recovers what a crash left. It fails
// with ErrInUse when another server has the directory, ErrForeign when another
// cluster has, and ErrCorrupt when the catalog's log is damaged.
func Open(ctx context.Context, o Options) (*Catalog, error) {
	o = o.withDefaults()
	s, err := store.Open(store.Options{
		Dir: o.Dir, FS: o.FS, Clock: o.Clock, KeepSuperseded: o.KeepSuperseded,
		Logger: o.Logger, Registerer: o.Registerer,
	})
	if err != nil {
		return nil, err
	}
	c := &Catalog{options: o, store: s}
	c.mu.births = map[string]*birth{}
	c.names.Store(&names{})
	if err := c.recover(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", o.Dir, err), s.Close())
	}
	registerMetrics(o.Registerer, c)
	return c, nil
}

func (c *Catalog) recover(ctx context.Context) error {
	entries, err := readLog(ctx, c.store.Commits())
	if err != nil {
		return err
	}
	ids, err := c.store.DatasetIDs(ctx)
	if err != nil {
		return err
	}
	switch {
	case len(entries) == 0 && len(ids) > 0:
		return errLogMissing(len(ids))
	case len(entries) == 0:
		return c.claim(ctx)
	case entries[0].Cluster.UID != c.options.ClusterUID:
		return fmt.Errorf("%w: to %q, not %q", ErrForeign, entries[0].Cluster.UID, c.options.ClusterUID)
	}
	c.mu.next = uint64(len(entries))
	live, err := fold(entries)
	if err != nil {
		return err
	}
	if err := c.loadAll(ctx, live); err != nil {
		return err
	}
	return c.removeOrphans(ctx, live, ids)
}

// claim writes entry 0 into a new directory.
func (c *Catalog) claim(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.appendLocked(ctx, logEntry{Cluster: &clusterEntry{UID: c.options.ClusterUID}})
}

func (c *Catalog) loadAll(ctx context.Context, live map[string]*entry) error {
	var g errgroup.Group
	g.SetLimit(readers)
	for _, e := range live {
		g.Go(func() error {
			c.load(ctx, e)
			if e.broken != nil && !errors.Is(e.broken, ErrCorrupt) {
				return e.broken // the volume's trouble, not this dataset's
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	all := &names{}
	for _, e := range live {
		all.byName.put(e.name, e)
		all.byID.put(e.id, e)
	}
	c.names.Store(all)
	return nil
}

// removeOrphans deletes the datasets that no entry names: dropped ones, and
// those whose first upload did not end.
func (c *Catalog) removeOrphans(ctx context.Context, live map[string]*entry, ids []string) error {
	for _, id := range ids {
		if live[id] != nil {
			continue
		}
		if err := c.store.Remove(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
