package catalog

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

// contents is a dataset's data. It is read when it is first asked for, so that
// a start need not wait for all.
type contents struct {
	loaded atomic.Pointer[loaded]

	mu struct {
		sync.Mutex // held by whoever reads
		policy     Policy
		dropped    bool
	}
}

// loaded is what reading came to.
type loaded struct {
	data   *store.Dataset // nil where broken
	broken error          // why the data cannot be used
}

// holding gives contents that need not be read.
func holding(data *store.Dataset) *contents {
	c := &contents{}
	c.loaded.Store(&loaded{data: data})
	return c
}

// setPolicy gives the data its policy, once it is there.
func (c *contents) setPolicy(p Policy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.policy = p
	if l := c.loaded.Load(); l != nil && l.data != nil {
		l.data.SetPolicy(p)
	}
}

// load gives the data that the store has of a dataset. Data that is damaged is
// not read again, and keeps nothing else from being served; what the volume
// cannot read now it may be able to read later.
func (c *Catalog) load(ctx context.Context, e *entry) (*store.Dataset, error) {
	if l := e.contents.loaded.Load(); l != nil {
		return l.data, l.broken
	}
	e.contents.mu.Lock()
	defer e.contents.mu.Unlock()
	if l := e.contents.loaded.Load(); l != nil {
		return l.data, l.broken
	}
	if e.contents.mu.dropped {
		return nil, store.ErrDropped
	}
	data, err := c.store.LoadDataset(ctx, e.id, store.Format(e.format))
	if err != nil {
		c.options.Logger.Error("dataset cannot be read", "dataset", e.name, "id", e.id, "error", err)
		if !errors.Is(err, ErrCorrupt) {
			return nil, err
		}
	} else {
		data.SetPolicy(e.contents.mu.policy)
	}
	e.contents.loaded.Store(&loaded{data: data, broken: err})
	return data, err
}

// drop deletes the data once nobody uses it, also where it was never read.
func (c *Catalog) drop(e *entry) {
	e.contents.mu.Lock()
	defer e.contents.mu.Unlock()
	e.contents.mu.dropped = true
	l := e.contents.loaded.Load()
	if l == nil || l.data == nil {
		l = &loaded{data: c.store.NewDataset(e.id, store.Format(e.format))}
	}
	l.data.Drop()
}
