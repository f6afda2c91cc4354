package catalog

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// tidyEvery is how often the catalog looks for work behind: what waits for it
// waits for minutes or longer.
const tidyEvery = time.Minute

// start begins the work that nobody waits for.
func (c *Catalog) start(orphans []string) {
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	if c.options.foreground {
		c.settle(ctx, orphans)
		return
	}
	c.background.Go(func() {
		c.settle(ctx, orphans)
		c.tidyUntil(ctx)
	})
}

// settle ends what Open began: it reads the datasets, of which those that are
// asked for are read before their turn, and removes what nobody names.
func (c *Catalog) settle(ctx context.Context, orphans []string) {
	var all []*entry
	for _, e := range c.names.Load().byID.all {
		all = append(all, e)
	}
	c.loadAll(ctx, all)
	for _, id := range orphans {
		if ctx.Err() != nil {
			return
		}
		if err := c.store.Remove(ctx, id); err != nil {
			c.options.Logger.Error("removing an unfinished dataset", "id", id, "error", err)
		}
	}
}

// loadAll loads what is not loaded yet. What cannot be read is logged.
func (c *Catalog) loadAll(ctx context.Context, entries []*entry) {
	var g errgroup.Group
	g.SetLimit(readers)
	for chunk := range slices.Chunk(entries, loadChunk) {
		if ctx.Err() != nil {
			break
		}
		if !slices.ContainsFunc(chunk, func(e *entry) bool { return e.contents.loaded.Load() == nil }) {
			continue
		}
		g.Go(func() error {
			for _, e := range chunk {
				_, _ = c.load(ctx, e)
			}
			return nil
		})
	}
	_ = g.Wait() // load told of what went wrong
}

// loadChunk makes a goroutine worth its while.
const loadChunk = 64

func (c *Catalog) tidyUntil(ctx context.Context) {
	ticker := c.options.Clock.NewTicker(tidyEvery)
	defer ticker.Stop()
	for {
		c.tidy(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		case <-c.wake:
		}
	}
}

// tidy does what is due. What fails is tried again.
func (c *Catalog) tidy(ctx context.Context) {
	c.expireParallels(ctx)
	if !c.checkpointDue() {
		return
	}
	if err := c.checkpoint(ctx); err != nil && ctx.Err() == nil {
		c.options.Logger.Error("summing up the catalog's log", "error", err)
	}
}

func (c *Catalog) wakeTidy() {
	select {
	case c.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}
