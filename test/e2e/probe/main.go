// Command probe is a consumer that never rests: it writes, reads and holds
// streams open, by arrow-go's client, until SIGTERM, and tells each second on
// standard output what it has met, as a line of JSON. probe.py is the same by
// pyarrow.
//
//	probe FOLDER ADDRESS
//
// FOLDER has the Secrets of a writer's and a reader's token, as a pod that mounts
// them: etl/uri, etl/token, etl/ca.crt and the same in dashboard. They may
// change at any time. ADDRESS is where the name in uri leads.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: probe FOLDER ADDRESS")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1) //nolint:gocritic // stop only gives a signal back that nobody waits for
	}
}

func run(ctx context.Context, folder, address string) error {
	t := newTally()
	c := &consumer{dataset: "probe-go", tally: t}
	for _, account := range []struct {
		name   string
		client **session
	}{{"etl", &c.writer}, {"dashboard", &c.reader}} {
		s, err := connect(mount{folder, account.name}, address, t)
		if err != nil {
			return err
		}
		defer s.close()
		*account.client = s
	}
	if err := c.begin(ctx); err != nil {
		return fmt.Errorf("the first upload: %w", err)
	}
	var wait sync.WaitGroup
	for what, call := range map[string]func(context.Context) error{"put": c.put, "get": c.get, "exchange": c.exchange} {
		wait.Go(func() { t.repeat(ctx, what, call) })
	}
	err := tell(ctx, os.Stdout, t)
	wait.Wait()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(t.snapshot())
}

// tell prints the tally each second.
func tell(ctx context.Context, w io.Writer, t *tally) error {
	lines := json.NewEncoder(w)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := lines.Encode(t.snapshot()); err != nil {
				return err
			}
		}
	}
}
