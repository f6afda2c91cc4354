package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flight-operator/flight-operator/test/bench/tables"
)

func TestVerdict(t *testing.T) {
	atLeast := bar{floor: 0.7, goal: 0.95}
	atMost := bar{floor: 1.35, goal: 1.05, atMost: true}
	cases := map[string]struct {
		bar    bar
		figure float64
		want   Verdict
	}{
		"below a floor":        {atLeast, 0.69, Fails},
		"on a floor":           {atLeast, 0.7, Holds},
		"on a goal":            {atLeast, 0.95, GoalReached},
		"above a ceiling":      {atMost, 1.36, Fails},
		"on a ceiling":         {atMost, 1.35, Holds},
		"below a goal's limit": {atMost, 0.5, GoalReached},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.bar.verdict(tc.figure); got != tc.want {
				t.Errorf("verdict of %v is %q, want %q", tc.figure, got, tc.want)
			}
		})
	}
}

// speeds makes samples of a GB that took so many seconds.
func speeds(seconds ...float64) []Sample {
	var samples []Sample
	for _, s := range seconds {
		samples = append(samples, Sample{Seconds: s, Bytes: 1e9, CPUSeconds: s / 2})
	}
	return samples
}

func TestEvaluate(t *testing.T) {
	get := base(Get, tables.Numeric)
	cases := map[string]struct {
		reason   string
		report   Report
		want     Verdict
		why      string
		measured float64
	}{
		"nothing": {
			reason: "what was not run is no failure",
			want:   NotMeasured, why: "not measured",
		},
		"round by round": {
			reason: "a slow round of both servers leaves the ratio alone",
			report: Report{Cells: []CellResult{{Cell: get, Samples: map[string][]Sample{us: speeds(1, 10, 1), wall: speeds(0.8, 8, 0.8)}}}},
			want:   Holds, measured: 0.8,
		},
		"no peer": {
			reason: "a machine without the peer cannot tell",
			report: Report{Cells: []CellResult{{Cell: get, Samples: map[string][]Sample{us: speeds(1)}}}},
			want:   NotMeasured, why: "tcp did not run",
		},
		"peer fails": {
			reason: "the peer's failure is not ours",
			report: Report{Cells: []CellResult{{Cell: get, Failures: map[string]string{wall: "reset"}, Samples: map[string][]Sample{us: speeds(1)}}}},
			want:   NotMeasured, why: "tcp: reset",
		},
		"ours fails": {
			reason: "a server that does not come through fails its bars",
			report: Report{Cells: []CellResult{{Cell: get, Failures: map[string]string{us: "unavailable"}, Samples: map[string][]Sample{wall: speeds(1)}}}},
			want:   Fails, why: "flightserver: unavailable",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := evaluate(&tc.report)[0]
			if got.Verdict != tc.want || !strings.Contains(got.Why, tc.why) {
				t.Errorf("%s: got %q because %q, want %q because %q", tc.reason, got.Verdict, got.Why, tc.want, tc.why)
			}
			if got.Measured != nil && got.Measured.Median != tc.measured {
				t.Errorf("%s: measured %v, want %v", tc.reason, got.Measured.Median, tc.measured)
			}
		})
	}
}

func TestGrowthBarsNeedTheWholeRange(t *testing.T) {
	peak := memoryGrowth(func(p RowsPoint) int64 { return p.ReadPeak })
	whole := &Report{Growth: Growth{Rows: []RowsPoint{{Factor: 1, ReadPeak: 100}, {Factor: largestFactor, ReadPeak: 120}}}}
	got, err := peak(whole)
	if err != nil || got.Median != 1.2 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := peak(&Report{Growth: Growth{Rows: whole.Growth.Rows[:1]}}); err == nil {
		t.Error("one size tells of no growth")
	}
	if _, err := startUp(&Report{Growth: Growth{Datasets: []DatasetsPoint{{Datasets: 10, StartUp: 1}}}}); err == nil {
		t.Error("ten datasets stood for all")
	}
}

func TestPlan(t *testing.T) {
	whole := plan(false)
	seen := map[Cell]bool{}
	for _, c := range whole {
		if seen[c] {
			t.Errorf("%s is measured twice", c)
		}
		seen[c] = true
	}
	for _, c := range plan(true) {
		if !seen[c] {
			t.Errorf("%s is in the quick plan alone", c)
		}
	}
}

// A bar whose cell no plan has would be "not measured" for ever.
func TestPlanHasWhatBarsName(t *testing.T) {
	for _, quick := range []bool{true, false} {
		report := &Report{Growth: Growth{
			Rows:     []RowsPoint{{Factor: 1, ReadPeak: 1, WritePeak: 1}, {Factor: largestFactor}},
			Datasets: []DatasetsPoint{{Datasets: mostDatasets}},
		}}
		for _, c := range plan(quick) {
			samples := map[string][]Sample{}
			for _, server := range c.servers() {
				samples[server] = []Sample{{Seconds: 1, Bytes: 1, CPUSeconds: 1, P50: 1, P99: 1}}
			}
			report.Cells = append(report.Cells, CellResult{Cell: c, Samples: samples})
		}
		for _, b := range evaluate(report) {
			if b.Verdict == NotMeasured {
				t.Errorf("%s: %s (quick: %v)", b.Name, b.Why, quick)
			}
		}
	}
}

func TestServersOfACell(t *testing.T) {
	get := base(Get, tables.Mixed)
	cases := map[string]struct {
		cell Cell
		want []string
	}{
		"plain":  {get, allServers},
		"TLS":    {get.overTLS(), []string{us, opaque, naive, pyarrow}},
		"put":    {base(Put, tables.Mixed), []string{us, wall, naive, pyarrow}},
		"client": {get.by(ArrowGo), []string{us, naive, pyarrow}},
		"small":  {smallGet(), []string{us, opaque, naive, pyarrow}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.cell.servers()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
