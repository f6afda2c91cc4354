package main

import (
	"errors"
	"fmt"

	"github.com/flight-operator/flight-operator/test/bench/stats"
	"github.com/flight-operator/flight-operator/test/bench/tables"
)

// errNotMeasured is why a bar has no figure: it is no failure.
var errNotMeasured = errors.New("not measured")

// bar is one demand on the server.
type bar struct {
	name        string
	floor, goal float64
	atMost      bool // the figure must not exceed the floor, else not fall below it
	unit        string
	figure      func(*Report) (stats.Summary, error)
}

// BarResult is a bar and what was measured.
type BarResult struct {
	Name     string         `json:"name"`
	Floor    float64        `json:"floor"`
	Goal     float64        `json:"goal"`
	AtMost   bool           `json:"atMost"`
	Unit     string         `json:"unit,omitempty"`
	Measured *stats.Summary `json:"measured,omitempty"`
	Verdict  Verdict        `json:"verdict"`
	Why      string         `json:"why,omitempty"` // there is no figure
}

// Verdict says where a figure stands.
type Verdict string

// Verdicts.
const (
	GoalReached Verdict = "goal"
	Holds       Verdict = "holds"
	Fails       Verdict = "FAILS"
	NotMeasured Verdict = "not measured"
)

// evaluate holds a report against every bar.
func evaluate(r *Report) []BarResult {
	var results []BarResult
	for _, b := range bars() {
		results = append(results, b.evaluate(r))
	}
	return results
}

func (b bar) evaluate(r *Report) BarResult {
	result := BarResult{Name: b.name, Floor: b.floor, Goal: b.goal, AtMost: b.atMost, Unit: b.unit}
	figure, err := b.figure(r)
	switch {
	case errors.Is(err, errNotMeasured):
		result.Verdict, result.Why = NotMeasured, err.Error()
		return result
	case err != nil:
		result.Verdict, result.Why = Fails, err.Error()
		return result
	}
	result.Measured = &figure
	result.Verdict = b.verdict(figure.Median)
	return result
}

func (b bar) verdict(figure float64) Verdict {
	reaches := func(mark float64) bool { return figure >= mark }
	if b.atMost {
		reaches = func(mark float64) bool { return figure <= mark }
	}
	switch {
	case reaches(b.goal):
		return GoalReached
	case reaches(b.floor):
		return Holds
	}
	return Fails
}

// bars are the demands, in the order of the report.
func bars() []bar {
	var all []bar
	for _, kind := range []tables.Kind{tables.Numeric, tables.Mixed} {
		all = append(all, transferBars(kind)...)
	}
	return append(all,
		bar{"small DoGet p50 ÷ unary gRPC call p50", 2.5, 1.5, true, "", ratio(smallGet(), opaque, p50)},
		bar{"peak memory reading, 4 GB dataset ÷ 40 MB dataset", 1.3, 1.05, true, "", memoryGrowth(func(p RowsPoint) int64 { return p.ReadPeak })},
		bar{"peak memory writing, 4 GB dataset ÷ 40 MB dataset", 1.3, 1.05, true, "", memoryGrowth(func(p RowsPoint) int64 { return p.WritePeak })},
		bar{"start-up with 100,000 datasets", 10, 2, true, "s", startUp},
	)
}

func transferBars(kind tables.Kind) []bar {
	get, put := base(Get, kind), base(Put, kind)
	named := func(name string) string { return fmt.Sprintf("%s, %s", name, kind) }
	return []bar{
		{named("DoGet ÷ TCP"), 0.70, 0.95, false, "", ratio(get, wall, Sample.gbps)},
		{named("DoGet ÷ naive arrow-go"), 1.6, 2.2, false, "", ratio(get, naive, Sample.gbps)},
		{named("DoGet ÷ pyarrow"), 1.0, 1.25, false, "", ratio(get, pyarrow, Sample.gbps)},
		{named("DoGet ÷ pyarrow, 8 streams"), 1.0, 1.25, false, "", ratio(get.streams(8), pyarrow, Sample.gbps)},
		{named("DoGet ÷ pyarrow, pyarrow's client"), 0.9, 1.25, false, "", ratio(get.by(Pyarrow), pyarrow, Sample.gbps)},
		{named("DoGet ÷ pyarrow, TLS"), 1.1, 1.3, false, "", ratio(get.overTLS(), pyarrow, Sample.gbps)},
		{named("DoGet CPU a GiB ÷ TCP"), 1.35, 1.05, true, "", ratio(get, wall, Sample.cpuPerGiB)},
		{named("DoGet Parquet ÷ pyarrow, read again"), 1.0, 1.25, false, "", ratio(get.parquet(), pyarrow, Sample.gbps)},
		{named("DoGet Parquet ÷ pyarrow, nothing kept"), 0.8, 1.1, false, "", ratio(get.parquet().cold(), pyarrow, Sample.gbps)},
		{named("DoPut ÷ pyarrow"), 1.1, 1.3, false, "", ratio(put, pyarrow, Sample.gbps)},
	}
}

func p50(s Sample) float64 { return s.P50 }

// ratio compares our server with another, round by round.
func ratio(c Cell, with string, value func(Sample) float64) func(*Report) (stats.Summary, error) {
	return func(r *Report) (stats.Summary, error) {
		result, ok := r.cell(c)
		if !ok {
			return stats.Summary{}, errNotMeasured
		}
		return result.ratio(with, value)
	}
}

func (c CellResult) ratio(with string, value func(Sample) float64) (stats.Summary, error) {
	if failure := c.Failures[us]; failure != "" {
		return stats.Summary{}, fmt.Errorf("%s: %s", us, failure)
	}
	if failure := c.Failures[with]; failure != "" {
		return stats.Summary{}, fmt.Errorf("%w: %s: %s", errNotMeasured, with, failure)
	}
	if len(c.Samples[with]) == 0 {
		return stats.Summary{}, fmt.Errorf("%w: %s did not run", errNotMeasured, with)
	}
	ratios, err := stats.Ratios(values(c.Samples[us], value), values(c.Samples[with], value))
	return stats.Summarize(ratios), err
}

func values(samples []Sample, value func(Sample) float64) []float64 {
	list := make([]float64, len(samples))
	for i, s := range samples {
		list[i] = value(s)
	}
	return list
}

// memoryGrowth compares the largest dataset with the smallest.
func memoryGrowth(peak func(RowsPoint) int64) func(*Report) (stats.Summary, error) {
	return func(r *Report) (stats.Summary, error) {
		points := r.Growth.Rows
		if len(points) < 2 || points[0].Factor != 1 || points[len(points)-1].Factor != largestFactor {
			return stats.Summary{}, errNotMeasured
		}
		return stats.Summarize([]float64{float64(peak(points[len(points)-1])) / float64(peak(points[0]))}), nil
	}
}

func startUp(r *Report) (stats.Summary, error) {
	for _, p := range r.Growth.Datasets {
		if p.Datasets == mostDatasets {
			return stats.Summarize([]float64{p.StartUp}), nil
		}
	}
	return stats.Summary{}, errNotMeasured
}
