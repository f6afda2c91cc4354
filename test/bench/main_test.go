package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flight-operator/flight-operator/test/bench/tables"
	"github.com/flight-operator/flight-operator/test/process"
)

// TestMain lets the test's own binary be the peers, as bin/bench is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == servePeer {
		if err := newCommand().ExecuteContext(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestHarness(t *testing.T) {
	server := process.Build(t)
	t.Run("cells", func(t *testing.T) { testCells(t, server) })
	t.Run("growth", func(t *testing.T) { testGrowth(t, server) })
}

// testCells runs every kind of cell once, with little data and without Python.
func testCells(t *testing.T, server string) {
	t.Helper()
	dir := t.TempDir()
	results := filepath.Join(dir, "bench.json")
	var out strings.Builder
	err := bench(t.Context(), options{
		rounds: 1, volume: 1 << 20, dir: dir, flightserver: server, json: results, docs: dir,
		only: "numeric, 64 Ki rows, (1|4) stream|^small",
	}, &out, t.Output())
	if err != nil && !strings.Contains(err.Error(), errBars.Error()) {
		t.Fatal(err)
	}
	report := &Report{}
	if err := json.Unmarshal(readFile(t, results), report); err != nil {
		t.Fatal(err)
	}
	if len(report.Cells) < 12 {
		t.Errorf("%d cells were measured", len(report.Cells))
	}
	for _, c := range report.Cells {
		checkCell(t, c)
	}
	for _, want := range []string{"GB/s", "CPU-seconds", "DoGet Arrow numeric, 64 Ki rows, 1 stream, TLS", "Verdict"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not have %q", want)
		}
	}
	if page := string(readFile(t, filepath.Join(dir, "bench-results.md"))); !strings.Contains(page, "| DoGet ÷ TCP, numeric | ≥ 0.7 |") {
		t.Errorf("the page has no bars:\n%s", page)
	}
	readFile(t, filepath.Join(dir, "bench.svg"))
	if left, _ := filepath.Glob(filepath.Join(dir, "flight-bench-*")); len(left) > 0 {
		t.Errorf("the data is still there: %s", left)
	}
}

// checkCell demands a sample of every server that needs no Python.
func checkCell(t *testing.T, c CellResult) {
	t.Helper()
	if len(c.Failures) > 0 && c.Client != Pyarrow {
		t.Errorf("%s: %v", c.Cell, c.Failures)
	}
	for _, server := range c.servers() {
		if server == pyarrow || c.Client == Pyarrow {
			continue
		}
		if samples := c.Samples[server]; len(samples) != 1 || samples[0].Seconds <= 0 || samples[0].CPUSeconds <= 0 || samples[0].PeakMemory <= 0 {
			t.Errorf("%s, %s: %+v", c.Cell, server, samples)
		}
	}
}

func testGrowth(t *testing.T, server string) {
	t.Helper()
	r := &run{
		options:  options{},
		programs: programs{flightserver: server},
		only:     regexp.MustCompile(""),
		dir:      t.TempDir(),
		random:   rand.New(rand.NewPCG(1, 1)),
		progress: io.Discard,
		tables:   map[tableKey]*tables.Table{},
	}
	for _, n := range []int{2, 5} { // the second adds to the first
		datasets, err := r.growDatasets(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if datasets.Datasets != n || datasets.StartUp <= 0 || datasets.List <= 0 || datasets.Memory <= 0 {
			t.Errorf("datasets: %+v", datasets)
		}
		versions, err := r.growVersions(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if versions.Versions != n || versions.Commit <= 0 || versions.Get <= 0 {
			t.Errorf("versions: %+v", versions)
		}
	}
	rows, err := r.growRows(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if rows.Bytes < smallestDataset || rows.WritePeak <= 0 || rows.ReadPeak <= 0 {
		t.Errorf("rows: %+v", rows)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
