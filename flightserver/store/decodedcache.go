package store

import (
	"container/list"
	"context"
	"log/slog"
	"path"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// cacheDir holds decoded segments, which lie in it as Arrow segments do in their
// uploads.
const cacheDir = "cache"

// rescanWithin is how long a segment stays, once used, before others of its
// dataset push it out. Who reads more than the cache holds, over and over, would
// find nothing in it: what was not used for longest is what comes next.
const rescanWithin = 10 * time.Minute

// decodedCache keeps Parquet segments decoded for whoever reads them next. All
// of it can be made again, so nothing that goes wrong with it fails a read, and
// it gives way when the volume runs short. It is safe for concurrent use.
type decodedCache struct {
	dirs     *directories
	mappings *mappings
	limit    int64 // bytes; zero: nothing is kept
	clock    clock.PassiveClock
	logger   *slog.Logger
	metrics  *metrics
	settling sync.WaitGroup // of fills whose readers are done

	mu struct {
		sync.Mutex
		known  map[string]*decodedSegment // by the name of the Parquet segment
		recent list.List                  // of those that are whole, the longest unused first
		bytes  int64                      // of all that are known
		// refused is the dataset that got no room last, while all that is whole
		// is still there.
		refused string
		// short says that the volume had less free, when it was looked at last,
		// than the cache leaves.
		short  bool
		closed bool
	}
}

// decodedSegment is a segment in the cache. What changes of it is guarded by the
// cache.
type decodedSegment struct {
	name  string // of the Parquet segment
	file  string // never that of another, so that removing it cannot hurt a later one
	bytes int64  // that it takes so far
	// used is its place among those that are whole; nil while it is being filled.
	used  *list.Element
	last  time.Time // that it was used
	whole Segment   // what its index is verified against
}

// dataset is what segments of one dataset have in common.
func (d *decodedSegment) dataset() string { return path.Dir(path.Dir(d.name)) }

func newDecodedCache(o Options, dirs *directories, mapped *mappings, m *metrics) *decodedCache {
	c := &decodedCache{dirs: dirs, mappings: mapped, limit: o.CacheBytes, clock: o.Clock, logger: o.Logger, metrics: m}
	c.mu.known = map[string]*decodedSegment{}
	// What the indexes of an earlier server's must be is forgotten.
	if err := dirs.removeAll(cacheDir); err != nil {
		c.logger.Warn("emptying the cache of decoded segments", "error", err)
	}
	return c
}

// acquire gives a segment as it would lie in an Arrow dataset, which the caller
// releases; nil where the cache has none.
func (c *decodedCache) acquire(ctx context.Context, name string) (*decodedSegment, *mappedSegment) {
	d, m := c.find(ctx, name)
	result := "hit"
	if m == nil {
		result = "miss"
	}
	c.metrics.cacheReads.WithLabelValues(result).Inc()
	return d, m
}

func (c *decodedCache) find(ctx context.Context, name string) (*decodedSegment, *mappedSegment) {
	d := c.lookup(name)
	if d == nil {
		return nil, nil
	}
	m, err := c.mappings.acquire(ctx, d.file, d.whole)
	if err != nil {
		if ctx.Err() == nil {
			c.discard(d, err)
		}
		return nil, nil
	}
	if c.lookup(name) != d {
		// It was evicted meanwhile: a mapping that nobody asks for again would
		// keep the file on the disk.
		c.mappings.forget(d.file)
	}
	return d, m
}

// lookup finds a whole segment, and notes that it was used.
func (c *decodedCache) lookup(name string) *decodedSegment {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.mu.known[name]
	if d == nil || d.used == nil {
		return nil
	}
	c.mu.recent.MoveToBack(d.used)
	d.last = c.clock.Now()
	return d
}

// discard throws away a segment that turned out to be damaged.
func (c *decodedCache) discard(d *decodedSegment, damage error) {
	if !c.forget(d) {
		return // another reader was sooner, or it was evicted
	}
	c.remove(d)
	c.metrics.cacheDamaged.Inc()
	c.logger.Warn("decoded segment is damaged, and is made again", "segment", d.name, "error", damage)
}

// drop removes what the cache has of the segments below a prefix.
func (c *decodedCache) drop(prefix string) {
	var dropped []*decodedSegment
	c.mu.Lock()
	for name, d := range c.mu.known {
		if below(name, prefix) {
			dropped = append(dropped, d)
			c.forgetLocked(d)
		}
	}
	c.mu.Unlock()
	c.remove(dropped...)
}

// leave evicts what the volume needs more: a tenth of it stays free of the cache,
// and twice what writes leave. It tells whether there was anything to evict.
func (c *decodedCache) leave(capacity, free, minFree int64) bool {
	need := max(capacity/10, 2*minFree) - free
	c.mu.Lock()
	c.mu.short = need > 0
	victims := c.evictLocked(need)
	c.mu.Unlock()
	c.remove(victims...)
	return len(victims) > 0
}

// reserve makes room for more bytes of a segment that is being filled. It tells
// whether there is any.
func (c *decodedCache) reserve(d *decodedSegment, more int64) bool {
	c.mu.Lock()
	if c.mu.short || c.mu.closed || c.mu.known[d.name] != d || d.bytes+more > c.limit {
		c.mu.Unlock()
		return false
	}
	d.bytes += more
	c.mu.bytes += more
	var victims []*decodedSegment
	for c.mu.bytes > c.limit && c.mu.recent.Len() > 0 && !c.keepsLocked(d) {
		victims = append(victims, c.evictLocked(1)...)
	}
	fits := c.mu.bytes <= c.limit // or other readers fill as well
	if !fits {
		c.mu.refused = d.dataset()
	}
	c.mu.Unlock()
	c.remove(victims...)
	return fits
}

// keepsLocked tells whether what would be evicted next stays, be there no room
// for a segment.
func (c *decodedCache) keepsLocked(from *decodedSegment) bool {
	next := c.mu.recent.Front().Value.(*decodedSegment)
	return next.dataset() == from.dataset() && c.clock.Since(next.last) < rescanWithin
}

// beginLocked makes a segment known that is about to be filled, unless that is in
// vain.
func (c *decodedCache) beginLocked(d *decodedSegment) bool {
	refused := c.mu.refused == d.dataset() && c.mu.recent.Len() > 0 && c.keepsLocked(d)
	if refused || c.mu.closed || c.mu.short || c.mu.known[d.name] != nil {
		return false
	}
	c.mu.known[d.name] = d
	return true
}

// evictLocked forgets those that were not used for longest until they had so
// many bytes, or none is left. Their files are the caller's to remove.
func (c *decodedCache) evictLocked(bytes int64) (victims []*decodedSegment) {
	for bytes > 0 && c.mu.recent.Len() > 0 {
		d := c.mu.recent.Front().Value.(*decodedSegment)
		bytes -= d.bytes
		victims = append(victims, d)
		c.forgetLocked(d)
	}
	return victims
}

// forget tells whether the segment was known until now.
func (c *decodedCache) forget(d *decodedSegment) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.mu.known[d.name] == d
	if known {
		c.forgetLocked(d)
	}
	return known
}

func (c *decodedCache) forgetLocked(d *decodedSegment) {
	delete(c.mu.known, d.name)
	c.mu.bytes -= d.bytes
	if d.used != nil {
		c.mu.recent.Remove(d.used)
		d.used = nil
		c.mu.refused = ""
	}
}

// remove deletes files of segments that are not known any more. Readers keep
// what they mapped. A file that cannot be removed goes with the next start.
func (c *decodedCache) remove(segments ...*decodedSegment) {
	for _, d := range segments {
		for _, file := range []string{d.file, d.file + sidecarSuffix} {
			_ = c.dirs.fs.Remove(c.dirs.path(file))
		}
		c.mappings.forget(d.file)
	}
}

// size is what the cache takes.
func (c *decodedCache) size() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.bytes
}

// settle ends a fill whose reader is done with it, unless the cache is closed.
func (c *decodedCache) settle(end func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.mu.closed {
		c.settling.Go(end)
	}
	return !c.mu.closed
}

// close ends filling: readers that are still open only read on.
func (c *decodedCache) close() {
	c.mu.Lock()
	c.mu.closed = true
	c.mu.Unlock()
	c.settling.Wait()
}
