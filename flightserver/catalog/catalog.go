package catalog

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/store"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// Options of a catalog.
type Options struct {
	Dir        string           // of the data; created when it is missing
	FS         vfs.FS           // nil: the operating system's
	Clock      clock.WithTicker // nil: the real one
	ClusterUID string           // written into a new directory; a directory with another is refused
	// KeepSuperseded is how long a version stays readable once another is
	// newer, where the dataset's declaration says nothing else.
	KeepSuperseded time.Duration
	// KeepAtLeast is what no declaration can cut short: a ticket's life.
	KeepAtLeast time.Duration
	Space       Space
	CacheBytes  int64 // of Parquet that is kept decoded; zero: none
	Maintenance Maintenance
	Logger      *slog.Logger          // nil: slog.Default
	Registerer  prometheus.Registerer // nil: no metrics

	// foreground leaves the work behind to tests, which do it in their order.
	foreground bool
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.OS{}
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// Catalog is safe for concurrent use.
type Catalog struct {
	options Options
	store   *store.Store
	names   atomic.Pointer[names]
	schemas store.Schemas

	wake       chan struct{} // asks for a look at what is to be tidied
	stop       context.CancelFunc
	background sync.WaitGroup

	mu struct {
		sync.Mutex
		// next is the number of the log's next entry. Whoever holds the lock is
		// the one writer of the log and of names.
		next uint64
		tail int // entries of datasets since the last checkpoint
		// births are datasets that uploads fill and no entry names yet.
		births map[string]*birth
		// parallels are parallel uploads that are neither finished nor aborted,
		// by id.
		parallels map[string]*parallel
		closed    bool
	}
}

// Close waits for the catalog's goroutines and gives the directory's lock
// back. Readers that are open may read on.
func (c *Catalog) Close() error {
	c.mu.Lock()
	c.mu.closed = true
	c.mu.Unlock()
	c.stop()
	c.background.Wait()
	return c.store.Close()
}

// Quiesce ends the work on the data that nobody waits for.
func (c *Catalog) Quiesce() { c.store.Quiesce() }

// Usage is the used and the whole size of the volume in bytes.
func (c *Catalog) Usage() (used, capacity int64, err error) { return c.store.Usage() }

// Len is the number of datasets that the catalog names.
func (c *Catalog) Len() int { return c.names.Load().byID.len() }

// List gives the newest versions of the datasets whose name starts with
// prefix, sorted by name. Datasets that cannot be read are not among them.
func (c *Catalog) List(prefix string) []Dataset {
	var entries []*entry
	for name, e := range c.names.Load().byName.all {
		if strings.HasPrefix(name, prefix) {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	list := make([]Dataset, len(entries))
	atOnce(readers, len(entries), func(i int) {
		if v, err := c.newestOf(context.Background(), entries[i]); err == nil {
			list[i] = entries[i].at(v)
		}
	})
	return slices.DeleteFunc(list, func(d Dataset) bool { return d.ID == "" })
}

// newestOf gives the newest version of a dataset, which it does not load where
// its log ends as it did for the server before.
func (c *Catalog) newestOf(ctx context.Context, e *entry) (store.Version, error) {
	if e.contents.loaded.Load() == nil {
		if v, known := c.store.NewestOf(ctx, e.id); known {
			return v, nil
		}
	}
	data, err := c.load(ctx, e)
	if err != nil {
		return store.Version{}, err
	}
	return data.Newest(), nil
}

// Dataset gives the newest version of a dataset.
func (c *Catalog) Dataset(name string) (Dataset, error) {
	e, err := c.find(name)
	if err != nil {
		return Dataset{}, err
	}
	return e.newest(), nil
}

// find gives a dataset whose data can be used.
func (c *Catalog) find(name string) (*entry, error) {
	e := c.names.Load().byName.get(name)
	if e == nil {
		return nil, fmt.Errorf("%w: %s", ErrDatasetNotFound, quote(name))
	}
	_, err := c.load(context.Background(), e)
	return e, about(name, err)
}

// Drop removes a dataset's name at once and its files when the last reader is
// done, on a full volume as well. A given id must be the dataset's.
func (c *Catalog) Drop(ctx context.Context, name, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.names.Load().byName.get(name)
	if e == nil || (id != "" && e.id != id) {
		return fmt.Errorf("%w: %s", ErrDatasetNotFound, quote(name))
	}
	return about(name, c.store.Urgently(func() error {
		return c.appendLocked(ctx, logEntry{Drop: &dropEntry{ID: e.id}})
	}))
}
