package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

// Open takes the directory's lock and recovers what a crash left. It fails
// with ErrInUse when another server has the directory, ErrForeign when another
// cluster has, and ErrCorrupt when the catalog's log is damaged.
func Open(ctx context.Context, o Options) (*Catalog, error) {
	o = o.withDefaults()
	s, err := store.Open(store.Options{
		Dir: o.Dir, FS: o.FS, Clock: o.Clock, KeepSuperseded: o.KeepSuperseded, KeepAtLeast: o.KeepAtLeast,
		Space: o.Space, CacheBytes: o.CacheBytes, Maintenance: o.Maintenance,
		Logger: o.Logger, Registerer: o.Registerer,
	})
	if err != nil {
		return nil, err
	}
	c := &Catalog{options: o, store: s, wake: make(chan struct{}, 1)}
	c.mu.births = map[string]*birth{}
	c.mu.parallels = map[string]*parallel{}
	c.names.Store(&names{})
	orphans, err := c.recover(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", o.Dir, err), s.Close())
	}
	registerMetrics(o.Registerer, c)
	c.start(orphans)
	return c, nil
}

// recover reads the log. It gives the ids of datasets that no entry names:
// dropped ones, and those whose first upload did not end.
func (c *Catalog) recover(ctx context.Context) (orphans []string, err error) {
	log, err := readLog(ctx, c.store.Commits(), &c.schemas)
	if err != nil {
		return nil, err
	}
	ids, err := c.store.DatasetIDs(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case log == nil && len(ids) > 0:
		return nil, errLogMissing(len(ids))
	case log == nil:
		return nil, c.append(ctx, logEntry{Cluster: &clusterEntry{UID: c.options.ClusterUID}})
	case log.cluster != c.options.ClusterUID:
		return nil, fmt.Errorf("%w: to %q, not %q", ErrForeign, log.cluster, c.options.ClusterUID)
	}
	c.mu.next, c.mu.tail = log.next, log.tail
	all := &names{}
	for _, e := range log.live {
		all.byName.put(e.name, e)
		all.byID.put(e.id, e)
	}
	c.names.Store(all)
	return slices.DeleteFunc(ids, func(id string) bool { return log.live[id] != nil }), nil
}
