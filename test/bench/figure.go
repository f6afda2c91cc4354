package main

import (
	"fmt"

	"github.com/flight-operator/flight-operator/test/bench/chart"
	"github.com/flight-operator/flight-operator/test/bench/stats"
	"github.com/flight-operator/flight-operator/test/bench/tables"
)

// serverNames is how the chart calls the servers.
var serverNames = map[string]string{
	us: "flightserver", wall: "bare TCP", opaque: "bare gRPC", naive: "arrow-go, naive", pyarrow: "pyarrow (C++)",
}

// chart draws the cells that bars are about, for the eye.
func (r *Report) chart() chart.Chart {
	c := chart.Chart{
		Title:    "GB/s through one server, more is better",
		Subtitle: fmt.Sprintf("Medians of %d rounds, lines between the quartiles; client and server share %d cores", r.Rounds, r.Machine.Cores),
	}
	get, put := base(Get, tables.Mixed), base(Put, tables.Mixed)
	for _, group := range []struct {
		name string
		cell Cell
	}{
		{"DoGet, 8 numeric columns", base(Get, tables.Numeric)},
		{"DoGet, 10 mixed columns", get},
		{"DoGet, mixed, 8 streams", get.streams(8)},
		{"DoGet, mixed, read by pyarrow", get.by(Pyarrow)},
		{"DoGet, mixed, TLS", get.overTLS()},
		{"DoGet, mixed, Parquet again", get.parquet()},
		{"DoGet, mixed, Parquet decoded", get.parquet().cold()},
		{"DoPut, mixed, synced to disk", put},
	} {
		if result, ok := r.cell(group.cell); ok {
			c.Groups = append(c.Groups, result.group(group.name))
		}
	}
	return c
}

func (c CellResult) group(name string) chart.Group {
	g := chart.Group{Name: name}
	for _, server := range allServers {
		if len(c.Samples[server]) == 0 {
			continue
		}
		s := stats.Summarize(values(c.Samples[server], Sample.gbps))
		g.Bars = append(g.Bars, chart.Bar{Label: serverNames[server], Value: s.Median, Low: s.Low, High: s.High, StandUp: server == us})
	}
	return g
}
