package catalog

import (
	"context"
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
	atOnce(settlers, len(all), func(i int) {
		if ctx.Err() == nil {
			_, _ = c.load(ctx, all[i]) // it tells of what went wrong
		}
	})
	for _, id := range orphans {
		if ctx.Err() != nil {
			return
		}
		if err := c.store.Remove(ctx, id); err != nil {
			c.options.Logger.Error("removing an unfinished dataset", "id", id, "error", err)
		}
	}
}

// settlers leave most of the machine to clients.
const settlers = 2

// chunk makes a goroutine worth its while.
const chunk = 64

// atOnce calls do with 0 to n-1, so many at once.
func atOnce(limit, n int, do func(int)) {
	var g errgroup.Group
	g.SetLimit(limit)
	for first := 0; first < n; first += chunk {
		g.Go(func() error {
			for i := first; i < min(first+chunk, n); i++ {
				do(i)
			}
			return nil
		})
	}
	_ = g.Wait() // nobody fails
}

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
