package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// style writes tables for a terminal or for a page.
type style interface {
	title(w io.Writer, text string)
	table(w io.Writer, head []string, rows [][]string) error
}

type textStyle struct{}

func (textStyle) title(w io.Writer, text string) { fmt.Fprintf(w, "\n%s\n\n", text) }

func (textStyle) table(w io.Writer, head []string, rows [][]string) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		fmt.Fprintln(tab, strings.Join(row, "\t"))
	}
	return tab.Flush()
}

type markdownStyle struct{}

func (markdownStyle) title(w io.Writer, text string) { fmt.Fprintf(w, "\n## %s\n\n", text) }

func (markdownStyle) table(w io.Writer, head []string, rows [][]string) error {
	line := func(cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", len(head)))
	for _, row := range rows {
		line(row)
	}
	return nil
}

// writeTables writes the whole report.
func (r *Report) writeTables(w io.Writer, s style) error {
	if _, page := s.(markdownStyle); page {
		fmt.Fprintf(w, "# Results of the benchmark\n\n`make bench DOCS=docs` wrote this page. [What it means](performance.md).\n\n")
	}
	fmt.Fprintf(w, "%s, %s; %d rounds, seed %d.\n", r.Started.Format("2 January 2006"), r.Machine, r.Rounds, r.Seed)
	for _, t := range r.allTables() {
		if len(t.rows) == 0 {
			continue
		}
		s.title(w, t.title)
		if err := s.table(w, t.head, t.rows); err != nil {
			return err
		}
	}
	return nil
}

type reportTable struct {
	title string
	head  []string
	rows  [][]string
}

func (r *Report) allTables() []reportTable {
	return []reportTable{
		r.transferTable("GB/s, with the spread of the quartiles", func(_ string, s []Sample) string {
			return withSpread(values(s, Sample.gbps), "%.2f")
		}),
		r.transferTable("Server's CPU-seconds a GiB", func(_ string, s []Sample) string {
			return withSpread(values(s, Sample.cpuPerGiB), "%.2f")
		}),
		r.transferTable("Server's peak memory", func(_ string, s []Sample) string {
			return sizeName(int64(median(values(s, func(s Sample) float64 { return float64(s.PeakMemory) }))))
		}),
		r.ratioTable(),
		r.latencyTable(),
		r.rowsTable(),
		r.datasetsTable(),
		r.versionsTable(),
		r.barsTable(),
	}
}

// transferTable has a row for each cell and a column for each server.
func (r *Report) transferTable(title string, figure func(server string, samples []Sample) string) reportTable {
	t := reportTable{title: title, head: append([]string{"Cell"}, allServers...)}
	for _, c := range r.Cells {
		if c.Operation == Small {
			continue
		}
		t.rows = append(t.rows, c.row(allServers, figure))
	}
	return t
}

func (c CellResult) row(servers []string, figure func(server string, samples []Sample) string) []string {
	row := []string{c.String()}
	for _, server := range servers {
		switch samples := c.Samples[server]; {
		case c.Failures[server] != "":
			row = append(row, "failed")
		case len(samples) == 0:
			row = append(row, "–")
		default:
			row = append(row, figure(server, samples))
		}
	}
	return row
}

// ratioTable says how many times as fast as each of the others ours is.
func (r *Report) ratioTable() reportTable {
	return r.transferTableOf("flightserver's throughput ÷ that of", allServers[1:], func(c CellResult, server string) string {
		ratio, err := c.ratio(server, Sample.gbps)
		if err != nil {
			return "–"
		}
		return fmt.Sprintf("%.2f ±%.0f%%", ratio.Median, 50*ratio.Spread())
	})
}

func (r *Report) transferTableOf(title string, servers []string, figure func(CellResult, string) string) reportTable {
	t := reportTable{title: title, head: append([]string{"Cell"}, servers...)}
	for _, c := range r.Cells {
		if c.Operation != Small {
			t.rows = append(t.rows, c.row(servers, func(server string, _ []Sample) string { return figure(c, server) }))
		}
	}
	return t
}

func (r *Report) latencyTable() reportTable {
	t := reportTable{title: "Milliseconds of a DoGet of a KiB, p50 and p99; grpc: a unary call", head: append([]string{"Cell"}, allServers...)}
	for _, c := range r.Cells {
		if c.Operation != Small {
			continue
		}
		t.rows = append(t.rows, c.row(allServers, func(_ string, s []Sample) string {
			return fmt.Sprintf("%.3f, %.3f", 1000*median(values(s, p50)), 1000*median(values(s, func(s Sample) float64 { return s.P99 })))
		}))
	}
	return t
}

func (r *Report) rowsTable() reportTable {
	t := reportTable{title: "Growth of a dataset", head: []string{"Size", "Rows", "Write, ns/row", "Read, ns/row", "Peak writing", "Peak reading"}}
	for _, p := range r.Growth.Rows {
		perRow := func(seconds float64) string { return fmt.Sprintf("%.1f", seconds*1e9/float64(p.Rows)) }
		t.rows = append(t.rows, []string{
			sizeName(p.Bytes), fmt.Sprint(p.Rows), perRow(p.WriteSeconds), perRow(p.ReadSeconds), sizeName(p.WritePeak), sizeName(p.ReadPeak),
		})
	}
	return t
}

func (r *Report) datasetsTable() reportTable {
	t := reportTable{title: "Growth of a catalog", head: []string{"Datasets", "Start-up, s", "ListFlights, s", "Memory"}}
	for _, p := range r.Growth.Datasets {
		t.rows = append(t.rows, []string{fmt.Sprint(p.Datasets), fmt.Sprintf("%.3f", p.StartUp), fmt.Sprintf("%.3f", p.List), sizeName(p.Memory)})
	}
	return t
}

func (r *Report) versionsTable() reportTable {
	t := reportTable{title: "Growth of a dataset's history", head: []string{"Versions", "Start-up, s", "First DoGet, ms", "Commit, ms", "Memory"}}
	for _, p := range r.Growth.Versions {
		t.rows = append(t.rows, []string{
			fmt.Sprint(p.Versions), fmt.Sprintf("%.3f", p.StartUp), fmt.Sprintf("%.1f", p.Get*1000), fmt.Sprintf("%.1f", p.Commit*1000), sizeName(p.Memory),
		})
	}
	return t
}

func (r *Report) barsTable() reportTable {
	t := reportTable{title: "Bars", head: []string{"Bar", "Floor", "Goal", "Measured", "Verdict"}}
	for _, b := range r.Bars {
		sign, measured, verdict := "≥", "–", string(b.Verdict)
		if b.AtMost {
			sign = "≤"
		}
		if b.Measured != nil {
			measured = fmt.Sprintf("%.2f%s", b.Measured.Median, unit(b.Unit))
			if b.Measured.Rounds > 1 {
				measured += fmt.Sprintf(" ±%.0f%%", 50*b.Measured.Spread())
			}
		} else if b.Why != verdict {
			verdict += ": " + b.Why
		}
		mark := func(v float64) string { return fmt.Sprintf("%s %g%s", sign, v, unit(b.Unit)) }
		t.rows = append(t.rows, []string{b.Name, mark(b.Floor), mark(b.Goal), measured, verdict})
	}
	return t
}
