package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/flight-operator/flight-operator/test/bench/child"
	"github.com/flight-operator/flight-operator/test/bench/load"
	"github.com/flight-operator/flight-operator/test/bench/stats"
	"github.com/flight-operator/flight-operator/test/bench/tables"
)

// Bounds that bars name.
const (
	smallestDataset = 40 << 20
	largestFactor   = 100
	mostDatasets    = 100_000
	mostVersions    = 10_000
)

// repetitions of what takes milliseconds.
const repetitions = 20

// Growth is how cost grows with what is stored.
type Growth struct {
	Rows     []RowsPoint     `json:"rows,omitempty"`
	Datasets []DatasetsPoint `json:"datasets,omitempty"`
	Versions []VersionsPoint `json:"versions,omitempty"`
}

// RowsPoint is one dataset, written and read by a server that does nothing else.
type RowsPoint struct {
	Factor       int     `json:"factor"` // of the smallest dataset's size
	Rows         int64   `json:"rows"`
	Bytes        int64   `json:"bytes"`
	WriteSeconds float64 `json:"writeSeconds"`
	ReadSeconds  float64 `json:"readSeconds"`
	WritePeak    int64   `json:"writePeak"` // memory
	ReadPeak     int64   `json:"readPeak"`
}

// DatasetsPoint is a server with so many datasets.
type DatasetsPoint struct {
	Datasets int     `json:"datasets"`
	StartUp  float64 `json:"startUp"` // seconds, to the word that it is ready
	List     float64 `json:"list"`    // seconds, ListFlights
	Memory   int64   `json:"memory"`  // after the start
}

// VersionsPoint is a dataset with so many versions.
type VersionsPoint struct {
	Versions int     `json:"versions"`
	StartUp  float64 `json:"startUp"` // seconds
	Get      float64 `json:"get"`     // seconds, the first DoGet of the newest version
	Commit   float64 `json:"commit"`  // seconds, one more version of a few rows; median
	Memory   int64   `json:"memory"`  // after the start
}

// growth measures our server alone: what matters is the shape of its curves.
func (r *run) growth(ctx context.Context) (g Growth, err error) {
	factors, datasets, versions := []int{1, 10, largestFactor}, []int{10, 100, 1_000, 10_000, mostDatasets}, []int{1, 10, 100, 1_000, mostVersions}
	if r.options.quick {
		factors, datasets, versions = factors[:2], datasets[:3], versions[:3]
	}
	if g.Rows, err = each(ctx, r, "growth, dataset × %d", factors, r.growRows); err != nil {
		return g, err
	}
	if g.Datasets, err = each(ctx, r, "growth, %d datasets", datasets, r.growDatasets); err != nil {
		return g, err
	}
	g.Versions, err = each(ctx, r, "growth, %d versions", versions, r.growVersions)
	return g, err
}

func each[T any](ctx context.Context, r *run, format string, sizes []int, measure func(context.Context, int) (T, error)) ([]T, error) {
	var points []T
	for _, n := range sizes {
		what := fmt.Sprintf(format, n)
		if !r.only.MatchString(what) {
			continue
		}
		started := time.Now()
		p, err := measure(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		points = append(points, p)
		fmt.Fprintf(r.progress, "%s  (%.0f s)\n", what, time.Since(started).Seconds())
	}
	return points, nil
}

// alone runs our server over a folder while it is measured.
func (r *run) alone(ctx context.Context, dir string, measure func(*child.Process, *load.Discard) error) (err error) {
	p, err := child.Start(ctx, r.programs.serveOurs(dir, "")...)
	if err != nil {
		return err
	}
	client := load.NewDiscard(load.Target{Address: p.Address})
	defer func() { err = errors.Join(err, client.Close(), p.Stop()) }()
	return measure(p, client)
}

// growRows writes a dataset and reads it by another process: a peak is of one
// alone. The folder holds one dataset at a time.
func (r *run) growRows(ctx context.Context, factor int) (point RowsPoint, err error) {
	dir := filepath.Join(r.dir, "rows")
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	table, err := tables.Make(tables.Numeric, normalBatch, smallestDataset*int64(factor))
	if err != nil {
		return point, err
	}
	const dataset = "rows"
	point = RowsPoint{Factor: factor, Rows: table.Rows, Bytes: table.Bytes}
	times := largestFactor / factor
	err = r.alone(ctx, dir, func(p *child.Process, client *load.Discard) (err error) {
		point.WriteSeconds, point.WritePeak, err = repeated(p, times, func() error { return client.Put(ctx, 0, dataset, table) })
		return err
	})
	if err != nil {
		return point, err
	}
	return point, r.alone(ctx, dir, func(p *child.Process, client *load.Discard) (err error) {
		point.ReadSeconds, point.ReadPeak, err = repeated(p, times, func() error { _, err := client.Get(ctx, 0, dataset); return err })
		return err
	})
}

// repeated tells how long the first time took, and the peak of all. A heap that
// is collected finds its size only after some hundred megabytes; so as much goes
// through a server of a small dataset as through that of the largest.
func repeated(p *child.Process, times int, run func() error) (seconds float64, peak int64, err error) {
	memory := p.WatchMemory()
	seconds, err = timed(run)
	for i := 1; i < times && err == nil; i++ {
		err = run()
	}
	peak, watched := memory()
	return seconds, peak, errors.Join(err, watched)
}

// growDatasets adds to the datasets of the point before.
func (r *run) growDatasets(ctx context.Context, n int) (point DatasetsPoint, err error) {
	dir := filepath.Join(r.dir, "datasets")
	if err := fillDatasets(ctx, dir, n); err != nil {
		return point, err
	}
	point.Datasets = n
	return point, r.alone(ctx, dir, func(p *child.Process, client *load.Discard) (err error) {
		point.StartUp = p.StartUp.Seconds()
		if point.Memory, err = p.Memory(); err != nil {
			return err
		}
		point.List, err = timed(func() error {
			listed, err := client.List(ctx)
			if err == nil && listed != n {
				err = fmt.Errorf("%d datasets were listed, %d are there", listed, n)
			}
			return err
		})
		return err
	})
}

// growVersions adds to the versions of the point before.
func (r *run) growVersions(ctx context.Context, n int) (point VersionsPoint, err error) {
	dir := filepath.Join(r.dir, "versions")
	if err := fillVersions(ctx, dir, n); err != nil {
		return point, err
	}
	row, err := tables.Make(tables.Numeric, tinyRows, 0)
	if err != nil {
		return point, err
	}
	point.Versions = n
	return point, r.alone(ctx, dir, func(p *child.Process, client *load.Discard) (err error) {
		point.StartUp = p.StartUp.Seconds()
		if point.Memory, err = p.Memory(); err != nil {
			return err
		}
		point.Get, err = timed(func() error { _, err := client.Get(ctx, 0, versioned); return err })
		if err != nil {
			return err
		}
		commits := make([]float64, repetitions)
		for i := range commits {
			if commits[i], err = timed(func() error { return client.Append(ctx, versioned, row) }); err != nil {
				return err
			}
		}
		point.Commit = stats.Summarize(commits).Median
		return nil
	})
}

func timed(run func() error) (float64, error) {
	started := time.Now()
	err := run()
	return time.Since(started).Seconds(), err
}
