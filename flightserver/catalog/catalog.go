package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
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
	// newer.
	KeepSuperseded time.Duration
	Logger         *slog.Logger          // nil: slog.Default
	Registerer     prometheus.Registerer // nil: no metrics
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

	mu struct {
		sync.Mutex
		// next is the number of the log's next entry. Whoever holds the lock is
		// the one writer of the log and of names.
		next uint64
		// births are datasets that uploads fill and no entry names yet.
		births map[string]*birth
		closed bool
	}
}

// Close waits for the catalog's goroutines and gives the directory's lock
// back. Readers that are open may read on.
func (c *Catalog) Close() error {
	c.mu.Lock()
	c.mu.closed = true
	c.mu.Unlock()
	return c.store.Close()
}

// Usage is the used and the whole size of the volume in bytes.
func (c *Catalog) Usage() (used, capacity int64, err error) { return c.store.Usage() }

// List gives the newest versions of the datasets whose name starts with
// prefix, sorted by name. Datasets with damaged manifests are not among them.
func (c *Catalog) List(prefix string) []Dataset {
	var list []Dataset
	for name, e := range c.names.Load().byName.all {
		if strings.HasPrefix(name, prefix) && e.broken == nil {
			list = append(list, e.newest())
		}
	}
	slices.SortFunc(list, func(a, b Dataset) int { return strings.Compare(a.Name(), b.Name()) })
	return list
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
	switch {
	case e == nil:
		return nil, fmt.Errorf("%w: %s", ErrDatasetNotFound, quote(name))
	case e.broken != nil:
		return nil, about(name, e.broken)
	}
	return e, nil
}

// Declaration is what a FlightDataset asks for.
type Declaration struct {
	Path   []string
	Format string        // empty: by the name
	Schema *arrow.Schema // nil: taken from the first upload
}

// Declare creates a dataset without data, or adopts the one that is there if
// its format and schema agree. From then on a declared schema binds uploads.
// Repeating it writes nothing.
func (c *Catalog) Declare(ctx context.Context, d Declaration) (Dataset, error) {
	name := joinPath(d.Path)
	if err := checkName(name); err != nil {
		return Dataset{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, err := c.find(name)
	switch {
	case errors.Is(err, ErrDatasetNotFound):
		return c.declareNewLocked(ctx, name, d)
	case err != nil:
		return Dataset{}, err
	case d.Format != "" && d.Format != e.format:
		return Dataset{}, fmt.Errorf("%w: dataset %s is %s, not %s", ErrFormatMismatch, quote(name), e.format, d.Format)
	case d.Schema == nil:
		return e.newest(), nil
	}
	return c.bindLocked(ctx, e, d.Schema)
}

func (c *Catalog) declareNewLocked(ctx context.Context, name string, d Declaration) (Dataset, error) {
	format := d.Format
	if format == "" {
		format = formatOf(name)
	}
	create := &createEntry{Path: d.Path, Format: format}
	if d.Schema != nil {
		if err := store.CheckSupported(store.Format(format), d.Schema); err != nil {
			return Dataset{}, about(name, err)
		}
		var err error
		if create.Schema, err = store.EncodeSchema(d.Schema); err != nil {
			return Dataset{}, about(name, err)
		}
	}
	b := c.mu.births[name]
	if b == nil || b.format != format {
		b = c.newBirth(format)
		defer c.endBirthLocked(name, b)
		c.mu.births[name] = b // else what is being uploaded finds its way
	}
	create.ID = b.data.ID()
	if err := c.createLocked(ctx, b, create); err != nil {
		return Dataset{}, about(name, err)
	}
	return c.Dataset(name)
}

// bindLocked makes a schema binding. Where there is data, its own schema is
// bound: it agrees, and has the metadata that declarations lack.
func (c *Catalog) bindLocked(ctx context.Context, e *entry, schema *arrow.Schema) (Dataset, error) {
	current := e.newest().Schema
	if current != nil {
		err := errors.Join(store.CheckAssignable(schema, current), store.CheckAssignable(current, schema))
		if err != nil {
			return Dataset{}, about(e.name, err)
		}
		schema = current
	}
	if e.schema != nil {
		return e.newest(), nil
	}
	encoded, err := store.EncodeSchema(schema)
	if err == nil {
		err = c.appendLocked(ctx, logEntry{Declare: &declareEntry{ID: e.id, Schema: encoded}})
	}
	if err != nil {
		return Dataset{}, about(e.name, err)
	}
	return c.Dataset(e.name)
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

// appendLocked commits an entry and applies it.
func (c *Catalog) appendLocked(ctx context.Context, l logEntry) error {
	if c.mu.closed {
		return ErrClosed
	}
	l.Nonce, l.Created = store.RandomID(), c.options.Clock.Now().UTC()
	propose := func() (uint64, []byte, error) {
		if err := c.outdatedLocked(&l); err != nil {
			return 0, nil, err
		}
		l.Number = c.mu.next
		body, err := store.EncodeEntry(entryKind, l)
		return l.Number, body, err
	}
	learn := func(n uint64, body []byte) error {
		winner, err := decodeLogEntry(n, body)
		if err != nil {
			return fmt.Errorf("%s: %w", logFile(n), err)
		}
		c.mu.next = n + 1
		return c.applyLocked(ctx, winner)
	}
	return store.Append(ctx, c.store.Commits(), store.CatalogLog, propose, learn)
}

// outdatedLocked refuses an entry that another writer's has overtaken.
func (c *Catalog) outdatedLocked(l *logEntry) error {
	now := c.names.Load()
	switch {
	case l.Create != nil && now.byName.get(joinPath(l.Create.Path)) != nil:
		return ErrDatasetExists
	case l.Declare != nil && now.byID.get(l.Declare.ID) == nil, l.Drop != nil && now.byID.get(l.Drop.ID) == nil:
		return ErrDatasetNotFound
	}
	return nil
}

// applyLocked makes an entry of the log visible.
func (c *Catalog) applyLocked(ctx context.Context, l *logEntry) error {
	now := c.names.Load()
	switch {
	case l.Create != nil:
		e, err := l.Create.entry(l.Created)
		if err != nil {
			return err
		}
		c.attachLocked(ctx, e)
		c.names.Store(now.with(e))
	case l.Declare != nil:
		e, err := l.Declare.entry(now.byID.get(l.Declare.ID))
		if err != nil {
			return err
		}
		c.names.Store(now.with(e))
	case l.Drop != nil:
		e := now.byID.get(l.Drop.ID)
		c.names.Store(now.without(e))
		if e.data != nil {
			e.data.Drop()
		} // else the next start removes what it cannot read
	}
	return nil
}

// attachLocked gives a new entry its data: that of the upload that made it, if
// one did.
func (c *Catalog) attachLocked(ctx context.Context, e *entry) {
	if b := c.mu.births[e.name]; b != nil && b.data.ID() == e.id {
		e.data = b.data
		return
	}
	c.load(ctx, e)
}

// load reads what the store has of a dataset. One that cannot be read must not
// keep the others from being served.
func (c *Catalog) load(ctx context.Context, e *entry) {
	e.data, e.broken = c.store.LoadDataset(ctx, e.id, store.Format(e.format))
	if e.broken != nil {
		c.options.Logger.Error("dataset cannot be read", "dataset", e.name, "id", e.id, "error", e.broken)
	}
}
