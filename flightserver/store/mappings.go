package store

import (
	"container/list"
	"context"
	"strings"
	"sync"
)

// Bounds of what stays mapped though nobody reads it. Address space costs
// little, and the pages are the system's to keep or to drop.
const (
	maxIdleMappings = 256
	maxIdleBytes    = 1 << 40
)

// mappings are the segments that are mapped: each once, whoever reads it, and
// for a while after, so that its checksums need not be computed again.
type mappings struct {
	segments Segments

	mu struct {
		sync.Mutex
		known     map[string]*mappedSegment
		idle      list.List // of *mappedSegment, the longest idle first
		idleBytes int64
		closed    bool
	}
}

func newMappings(from Segments) *mappings {
	c := &mappings{segments: from}
	c.mu.known = map[string]*mappedSegment{}
	return c
}

// acquire gives a segment, which the caller releases.
func (c *mappings) acquire(ctx context.Context, name string, s Segment) (*mappedSegment, error) {
	if m := c.lookup(name); m != nil {
		return m, nil
	}
	m, err := mapSegment(ctx, c.segments, name, s)
	if err != nil {
		return nil, err
	}
	m.cache = c
	return c.keep(m), nil
}

func (c *mappings) lookup(name string) *mappedSegment {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.mu.known[name]
	if m != nil {
		c.holdLocked(m)
	}
	return m
}

func (c *mappings) holdLocked(m *mappedSegment) {
	m.refs.Add(1)
	c.wakeLocked(m)
}

// keep makes a segment known, unless another reader was sooner: then that
// one's is used.
func (c *mappings) keep(m *mappedSegment) *mappedSegment {
	c.mu.Lock()
	defer c.mu.Unlock()
	if before := c.mu.known[m.name]; before != nil {
		c.holdLocked(before)
		_ = m.mapping.Close() // nothing was read of it
		return before
	}
	if c.mu.closed {
		m.gone = true
		return m
	}
	c.mu.known[m.name] = m
	return m
}

// rest keeps a segment that its last holder left, unless it is gone.
func (c *mappings) rest(m *mappedSegment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case m.refs.Load() > 0 || m.idle != nil:
		return // somebody came meanwhile, and may have left again
	case m.gone:
		m.closeLocked()
		return
	}
	m.idle = c.mu.idle.PushBack(m)
	c.mu.idleBytes += m.index.size()
	for c.mu.idle.Len() > maxIdleMappings || c.mu.idleBytes > maxIdleBytes {
		c.dropLocked(c.mu.idle.Front().Value.(*mappedSegment))
	}
}

// wakeLocked takes a segment out of those that are idle, if it is.
func (c *mappings) wakeLocked(m *mappedSegment) {
	if m.idle != nil {
		c.mu.idle.Remove(m.idle)
		c.mu.idleBytes -= m.index.size()
		m.idle = nil
	}
}

// dropLocked forgets a segment, now or when its last holder leaves it.
func (c *mappings) dropLocked(m *mappedSegment) {
	delete(c.mu.known, m.name)
	m.gone = true
	if m.idle != nil {
		c.wakeLocked(m)
		m.closeLocked()
	}
}

// closeLocked ends the mapping once: of several who left last, more than one may
// come to do so.
func (m *mappedSegment) closeLocked() {
	if !m.closed {
		m.closed = true
		_ = m.mapping.Close() // there is nothing that could be done
	}
}

// forget drops the segments below a prefix: what is deleted must not take room
// on the disk for the sake of a mapping.
func (c *mappings) forget(prefix string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, m := range c.mu.known {
		if below(name, prefix) {
			c.dropLocked(m)
		}
	}
}

// below tells whether a name is the prefix, or continues it with another part.
func below(name, prefix string) bool {
	return name == prefix || strings.HasPrefix(name, prefix+"/")
}

// close drops all segments.
func (c *mappings) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.closed = true
	for _, m := range c.mu.known {
		c.dropLocked(m)
	}
}

// mappedSegments is a Segments that deletes what is mapped and cached as well.
type mappedSegments struct {
	Segments

	mappings *mappings
	cache    *decodedCache
}

func (s mappedSegments) Delete(ctx context.Context, prefix string) error {
	s.mappings.forget(prefix)
	s.cache.drop(prefix)
	return s.Segments.Delete(ctx, prefix)
}
