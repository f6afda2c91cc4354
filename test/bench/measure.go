package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/flight-operator/flight-operator/test/bench/load"
	"github.com/flight-operator/flight-operator/test/bench/stats"
	"github.com/flight-operator/flight-operator/test/bench/tables"
)

// smallGets are made in a round of that cell.
const smallGets = 300

// Sample is what one server did in one round of a cell.
type Sample struct {
	Seconds    float64 `json:"seconds"`
	Bytes      int64   `json:"bytes"` // of the tables, the same for every server
	CPUSeconds float64 `json:"cpuSeconds"`
	PeakMemory int64   `json:"peakMemory"`
	P50        float64 `json:"p50,omitempty"` // of a small DoGet, in seconds
	P99        float64 `json:"p99,omitempty"`
}

func (s Sample) gbps() float64      { return float64(s.Bytes) / 1e9 / s.Seconds }
func (s Sample) cpuPerGiB() float64 { return s.CPUSeconds * (1 << 30) / float64(s.Bytes) }

// measure runs one cell on one server, once.
func (f *fleet) measure(ctx context.Context, s *server, c Cell, key tableKey, table *tables.Table) (sample Sample, err error) {
	getter, err := f.getter(ctx, s, c)
	if err != nil {
		return Sample{}, err
	}
	memory := s.process.WatchMemory()
	defer func() {
		peak, watched := memory()
		sample.PeakMemory, err = peak, errors.Join(err, watched)
	}()
	before, err := s.process.CPU()
	if err != nil {
		return Sample{}, err
	}
	sample.Bytes = table.Bytes * int64(c.Streams)
	switch c.Operation {
	case Get:
		err = get(ctx, getter, c.Streams, key.dataset(c.Format), &sample)
	case Put:
		err = put(ctx, s.loader, c, key, table, &sample)
	case Small:
		sample.Bytes *= smallGets
		err = small(ctx, getter, key.dataset(c.Format), &sample)
	}
	if err != nil {
		return Sample{}, err
	}
	after, err := s.process.CPU()
	if err != nil {
		return Sample{}, err
	}
	sample.CPUSeconds = (after - before).Seconds()
	if c.Operation == Put {
		err = errors.Join(err, dropAll(ctx, s.loader, c, key))
	}
	return sample, err
}

func get(ctx context.Context, getter load.Getter, streams int, dataset string, sample *Sample) error {
	transfers := make([]load.Transfer, streams)
	started := time.Now()
	err := parallel(ctx, streams, func(ctx context.Context, i int) (err error) {
		transfers[i], err = getter.Get(ctx, i, dataset)
		return err
	})
	sample.Seconds = time.Since(started).Seconds()
	if took := transfers[0].Took; streams == 1 && took > 0 {
		sample.Seconds = took.Seconds()
	}
	if err != nil {
		return err
	}
	// A table that was compressed, or padded in another way, is still the table.
	const tolerance = 0.9
	for _, t := range transfers {
		if want := float64(sample.Bytes) / float64(streams); float64(t.Bytes) < tolerance*want {
			return fmt.Errorf("%q came with %d bytes of %.0f", dataset, t.Bytes, want)
		}
	}
	return nil
}

func put(ctx context.Context, to loader, c Cell, key tableKey, table *tables.Table, sample *Sample) error {
	started := time.Now()
	err := parallel(ctx, c.Streams, func(ctx context.Context, i int) error {
		return to.Put(ctx, i, putName(c, key, i), table)
	})
	sample.Seconds = time.Since(started).Seconds()
	return err
}

// putName keeps uploads apart from each other and from what is read.
func putName(c Cell, key tableKey, stream int) string {
	return fmt.Sprintf("put-%d-%s", stream, key.dataset(c.Format))
}

// dropAll makes room for the next round.
func dropAll(ctx context.Context, to loader, c Cell, key tableKey) error {
	for i := range c.Streams {
		if err := to.Drop(ctx, putName(c, key, i)); err != nil {
			return err
		}
	}
	return nil
}

func small(ctx context.Context, getter load.Getter, dataset string, sample *Sample) error {
	latencies := make([]float64, smallGets)
	for i := range latencies {
		started := time.Now()
		if _, err := getter.Get(ctx, 0, dataset); err != nil {
			return err
		}
		latencies[i] = time.Since(started).Seconds()
		sample.Seconds += latencies[i]
	}
	sample.P50, sample.P99 = stats.Quantile(latencies, 0.5), stats.Quantile(latencies, 0.99)
	return nil
}

func parallel(ctx context.Context, n int, run func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range n {
		group.Go(func() error { return run(ctx, i) })
	}
	return group.Wait()
}

func makeFolders(names ...string) error {
	for _, name := range names {
		if err := os.MkdirAll(name, 0o750); err != nil {
			return err
		}
	}
	return nil
}
