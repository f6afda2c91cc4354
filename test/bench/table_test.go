package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flight-operator/flight-operator/test/bench/tables"
)

func TestStyles(t *testing.T) {
	head, rows := []string{"Cell", "x"}, [][]string{{"DoGet", "1.00"}, {"a longer name", "–"}}
	cases := map[string]struct {
		style style
		want  string
	}{
		"text":     {textStyle{}, "Cell           x\nDoGet          1.00\na longer name  –\n"},
		"markdown": {markdownStyle{}, "| Cell | x |\n|---|---|\n| DoGet | 1.00 |\n| a longer name | – |\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := tc.style.table(&out, head, rows); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRow(t *testing.T) {
	c := CellResult{
		Cell:     base(Get, tables.Numeric),
		Samples:  map[string][]Sample{us: speeds(0.5)},
		Failures: map[string]string{naive: "reset"},
	}
	figure := func(_ string, s []Sample) string { return withSpread(values(s, Sample.gbps), "%.2f") }
	want := []string{"DoGet Arrow numeric, 64 Ki rows, 1 stream", "2.00 ±0%", "failed", "–"}
	if diff := cmp.Diff(want, c.row([]string{us, naive, pyarrow}, figure)); diff != "" {
		t.Error(diff)
	}
}

func TestBarsTable(t *testing.T) {
	report := &Report{Cells: []CellResult{{
		Cell:    smallGet(),
		Samples: map[string][]Sample{us: {{P50: 3}}, opaque: {{P50: 1}}},
	}}}
	report.Bars = evaluate(report)
	if failed := report.failed(); len(failed) != 1 {
		t.Errorf("failed: %+v", failed)
	}
	rows := report.barsTable().rows
	want := []string{"small DoGet p50 ÷ unary gRPC call p50", "≤ 2.5", "≤ 1.5", "3.00", "FAILS"}
	for _, row := range rows {
		if row[0] == want[0] {
			if diff := cmp.Diff(want, row); diff != "" {
				t.Error(diff)
			}
			return
		}
	}
	t.Errorf("no such bar among %v", rows)
}

func TestSizeName(t *testing.T) {
	for bytes, want := range map[int64]string{512: "0.5 KiB", 3 << 20: "3 MiB", 5 << 29: "2.5 GiB"} {
		if got := sizeName(bytes); got != want {
			t.Errorf("sizeName(%d) = %q, want %q", bytes, got, want)
		}
	}
}
