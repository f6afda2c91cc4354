package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/flight-operator/flight-operator/test/bench/tables"
)

// run is one run of the benchmark.
type run struct {
	options  options
	only     *regexp.Regexp
	programs programs
	dir      string // of the data, removed at the end
	random   *rand.Rand
	progress io.Writer

	tables map[tableKey]*tables.Table
	loaded map[string]bool // "server/dataset"
}

// CellResult is what the servers did in the rounds of a cell.
type CellResult struct {
	Cell
	// Samples of each server, one a round: the n-th of each belong together.
	Samples map[string][]Sample `json:"samples"`
	// Failures of servers that did not come through. They have no samples.
	Failures map[string]string `json:"failures,omitempty"`
}

// measureAll fills the report.
func (r *run) measureAll(ctx context.Context, report *Report) (err error) {
	if err := makeFolders(filepath.Join(r.dir, "data"), filepath.Join(r.dir, "cold"), filepath.Join(r.dir, "files")); err != nil {
		return err
	}
	cells := slices.DeleteFunc(plan(r.options.quick), func(c Cell) bool { return !r.only.MatchString(c.String()) })
	if report.Cells, err = r.measureCells(ctx, cells); err != nil {
		return err
	}
	// What the servers kept is not needed any more, and its room is.
	for _, folder := range []string{"data", "cold", "files"} {
		if err := os.RemoveAll(filepath.Join(r.dir, folder)); err != nil {
			return err
		}
	}
	report.Growth, err = r.growth(ctx)
	return err
}

// measureCells goes through the cells of one transport, then of the other.
func (r *run) measureCells(ctx context.Context, cells []Cell) ([]CellResult, error) {
	results := make([]CellResult, len(cells))
	for _, overTLS := range []bool{false, true} {
		if !slices.ContainsFunc(cells, func(c Cell) bool { return c.TLS == overTLS }) {
			continue
		}
		if err := r.measureTransport(ctx, overTLS, cells, results); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func (r *run) measureTransport(ctx context.Context, overTLS bool, cells []Cell, results []CellResult) (err error) {
	var c *certificate
	if overTLS {
		if c, err = newCertificate(r.dir); err != nil {
			return err
		}
	}
	f, err := r.programs.start(ctx, r.dir, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	for i, cell := range cells {
		if cell.TLS != overTLS {
			continue
		}
		started := time.Now()
		if results[i], err = r.measureCell(ctx, f, cell); err != nil {
			return fmt.Errorf("%s: %w", cell, err)
		}
		fmt.Fprintf(r.progress, "%3d/%d  %s  (%.0f s)\n", i+1, len(cells), cell, time.Since(started).Seconds())
	}
	return nil
}

// measureCell runs the rounds of a cell, the servers of each in an order of its
// own. The first round warms up pages and connections and is dropped.
func (r *run) measureCell(ctx context.Context, f *fleet, c Cell) (CellResult, error) {
	key := c.table(r.options.volume)
	table, err := r.table(key)
	if err != nil {
		return CellResult{}, err
	}
	if c.Operation != Put {
		if err := r.load(ctx, f, key, c, table); err != nil {
			return CellResult{}, err
		}
	}
	result := CellResult{Cell: c, Samples: map[string][]Sample{}, Failures: map[string]string{}}
	taking := slices.DeleteFunc(c.servers(), func(name string) bool { return f.servers[name] == nil })
	for round := range r.options.rounds + 1 {
		r.random.Shuffle(len(taking), func(i, j int) { taking[i], taking[j] = taking[j], taking[i] })
		for _, name := range slices.Clone(taking) {
			sample, err := f.measure(ctx, f.of(name, c), c, key, table)
			if ctx.Err() != nil {
				return result, ctx.Err()
			}
			if err != nil {
				result.Failures[name] = err.Error()
				delete(result.Samples, name)
				taking = slices.DeleteFunc(taking, func(s string) bool { return s == name })
				continue
			}
			if round > 0 {
				result.Samples[name] = append(result.Samples[name], sample)
			}
		}
	}
	if dir := r.options.profiles; dir != "" && result.Failures[us] == "" {
		return result, f.profile(ctx, dir, c, key, table)
	}
	return result, nil
}

// table makes each table once.
func (r *run) table(key tableKey) (*tables.Table, error) {
	if t := r.tables[key]; t != nil {
		return t, nil
	}
	t, err := tables.Make(key.kind, key.batchRows, key.bytes)
	if err == nil {
		r.tables[key] = t
	}
	return t, err
}

// load gives our server and the peers' folder a dataset, unless they have it.
// All peers read the files that the naive one writes.
func (r *run) load(ctx context.Context, f *fleet, key tableKey, c Cell, table *tables.Table) error {
	name := key.dataset(c.Format)
	for _, s := range []*server{f.of(us, c), f.of(naive, c)} {
		place := s.name + "/" + name
		if r.loaded[place] {
			continue
		}
		if err := s.loader.Put(ctx, 0, name, table); err != nil {
			return fmt.Errorf("loading %s into %s: %w", name, s.name, err)
		}
		r.loaded[place] = true
	}
	return nil
}
