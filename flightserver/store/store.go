package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// CatalogLog is the log that names the datasets.
const CatalogLog = "catalog"

// lockFile in the data directory is what a second server meets.
const lockFile = "LOCK"

// Options of a store.
type Options struct {
	Dir   string // created when it is missing
	FS    vfs.FS
	Clock clock.WithTicker
	// KeepSuperseded is how long a version stays readable once another is
	// newer, where the dataset has no retention of its own.
	KeepSuperseded time.Duration
	// KeepAtLeast is what a dataset's own retention cannot cut short.
	KeepAtLeast time.Duration
	Space       Space
	Maintenance Maintenance
	Logger      *slog.Logger
	Registerer  prometheus.Registerer // nil: no metrics
	// CacheBytes is what Parquet segments may take that are kept decoded for the
	// next reader; zero: none are.
	CacheBytes int64
	// MaxSegmentBytes is about where a segment ends and the next begins; zero
	// is a good size.
	MaxSegmentBytes int64
}

// defaultSegmentBytes bounds what is kept in memory of an open segment: its
// index and its sums.
const defaultSegmentBytes = 1 << 30

// Store keeps the datasets of one data directory. It is safe for concurrent
// use.
type Store struct {
	options  Options
	segments Segments
	mappings *mappings
	cache    *decodedCache
	commits  Commits
	reserve  *reserve
	metrics  *metrics
	schemas  Schemas
	newest   newest
	dirs     *directories
	lock     io.Closer

	stored, uploading atomic.Int64 // of all datasets
	free              freeSpace

	wake     chan struct{} // asks the sweeper to look at once
	stop     context.CancelFunc
	sweeper  sync.WaitGroup
	sweeping sync.Mutex // held by a sweep: what one has yet to trim, another must not delete

	stopBehind context.CancelFunc
	behind     sync.WaitGroup

	mu struct {
		sync.Mutex
		// datasets has all that the sweeper looks after, dropped ones until
		// their files are gone.
		datasets map[string]*Dataset
		closed   bool
	}
}

// Open takes the directory's lock, or fails with ErrInUse, and settles the
// commits that a crash interrupted.
func Open(o Options) (*Store, error) {
	if o.MaxSegmentBytes == 0 {
		o.MaxSegmentBytes = defaultSegmentBytes
	}
	m := newMetrics(o.Registerer)
	fsys := timedFS{FS: o.FS, fsync: m.fsync}
	if err := makeRoot(fsys, o.Dir); err != nil {
		return nil, noSpace(err)
	}
	lock, err := lockDirectory(fsys, o.Dir)
	if err != nil {
		return nil, err
	}
	dirs := newDirectories(fsys, o.Dir)
	commits := &dirCommits{dirs}
	mapped := newMappings(&dirSegments{dirs})
	cache := newDecodedCache(o, dirs, mapped, m)
	s := &Store{
		options: o, metrics: m, dirs: dirs, lock: lock, mappings: mapped, cache: cache,
		segments: mappedSegments{mapped.segments, mapped, cache}, commits: commits, reserve: &reserve{dirs: dirs},
		wake: make(chan struct{}, 1),
	}
	s.mu.datasets = map[string]*Dataset{}
	registerSpace(o.Registerer, s)
	if err := commits.recover(); err != nil {
		return nil, errors.Join(noSpace(err), lock.Close())
	}
	s.readNewest()
	s.reserve.fill()
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.sweeper.Go(func() { s.sweepUntil(ctx) })
	behind, stopBehind := context.WithCancel(ctx)
	s.stopBehind = stopBehind
	s.maintain(behind)
	return s, nil
}

// makeRoot makes the data directory and what is missing above it.
func makeRoot(fsys vfs.FS, dir string) error {
	err := fsys.Mkdir(dir)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	parent := filepath.Dir(dir)
	if errors.Is(err, fs.ErrNotExist) && parent != dir {
		if err := makeRoot(fsys, parent); err != nil {
			return err
		}
		err = fsys.Mkdir(dir)
	}
	if err != nil {
		return err
	}
	return fsys.SyncDir(parent)
}

// Close ends the sweeper and gives the lock back. Readers that are open may
// read on; nothing else may follow.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.mu.closed {
		s.mu.Unlock()
		return nil
	}
	s.mu.closed = true
	s.mu.Unlock()
	s.stop()
	s.sweeper.Wait()
	s.Quiesce()
	s.cache.close()
	s.mappings.close()
	s.describeNewest()
	return s.lock.Close()
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.closed
}

// Commits gives the logs, of which the catalog has one of its own.
func (s *Store) Commits() Commits { return s.commits }

// Usage is the used and the whole size of the volume in bytes.
func (s *Store) Usage() (used, capacity int64, err error) {
	return s.options.FS.Usage(s.options.Dir)
}

// DatasetIDs lists the datasets that have files, dropped and unfinished ones
// included.
func (s *Store) DatasetIDs(ctx context.Context) ([]string, error) {
	return listDatasets(ctx, s.segments)
}

func listDatasets(ctx context.Context, from Segments) ([]string, error) {
	names, err := from.List(ctx, datasetsDir)
	return slices.DeleteFunc(names, func(name string) bool { return !IsID(name) }), err
}

// Remove deletes the files of a dataset that no catalog names and no call to
// NewDataset or LoadDataset returned.
func (s *Store) Remove(ctx context.Context, id string) error {
	s.newest.take(id)
	return s.segments.Delete(ctx, datasetName(id))
}

// NewDataset gives a dataset without versions. Nothing is written before its
// first upload.
func (s *Store) NewDataset(id string, format Format) *Dataset {
	d := &Dataset{store: s, id: id, format: format}
	d.mu.trimmed = 1 // nothing is below the first entry
	return s.adopt(d)
}

// LoadDataset reads a dataset's versions, and removes what an unfinished
// upload, commit or trim left behind. It fails with ErrCorrupt, and then
// removes nothing.
func (s *Store) LoadDataset(ctx context.Context, id string, format Format) (*Dataset, error) {
	if s.isClosed() {
		return nil, ErrClosed
	}
	d := &Dataset{store: s, id: id, format: format}
	versions, first, err := readVersions(ctx, s.commits, id, &s.schemas)
	if errors.Is(err, ErrCorrupt) {
		s.newest.take(id)
	}
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.mu.trimmed = first
	for _, v := range versions {
		d.addLocked(v)
	}
	d.mu.Unlock()
	if err := d.removeOrphans(ctx); err != nil {
		d.count(-d.Stored()) // it counts when it is loaded again
		return nil, err
	}
	return s.adopt(d), nil
}

func (s *Store) adopt(d *Dataset) *Dataset {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.datasets[d.id] = d
	d.described.Store(s.newest.take(d.id))
	return d
}

// forget ends the sweeper's interest in a dataset that was never committed to.
func (s *Store) forget(d *Dataset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.datasets, d.id)
}

// sweepEvery is how often superseded versions are looked at. They live for
// hours, so being late costs little.
const sweepEvery = time.Minute

func (s *Store) sweepUntil(ctx context.Context) {
	ticker := s.options.Clock.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		case <-s.wake:
		}
		s.Sweep(ctx)
	}
}

// Sweep deletes versions that are superseded for long enough, and files that
// nobody can read any more. What fails is tried again by the next sweep.
func (s *Store) Sweep(ctx context.Context) {
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	for _, d := range s.all() {
		if ctx.Err() != nil {
			return
		}
		if err := d.sweep(ctx); err != nil {
			s.options.Logger.Error("sweeping a dataset", "dataset", d.id, "error", err)
		}
	}
	s.reserve.fill()
	if s.newestIsOld() {
		s.describeNewest()
	}
}

func (s *Store) wakeSweeper() {
	select {
	case s.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}
