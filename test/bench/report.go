package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Report is everything that a run has measured.
type Report struct {
	Machine Machine      `json:"machine"`
	Started time.Time    `json:"started"`
	Seed    uint64       `json:"seed"`
	Rounds  int          `json:"rounds"`
	Quick   bool         `json:"quick"`
	Cells   []CellResult `json:"cells"`
	Growth  Growth       `json:"growth"`
	Bars    []BarResult  `json:"bars"`
}

// Machine is what the figures belong to.
type Machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	Memory    int64  `json:"memory"`
	Kernel    string `json:"kernel"`
	Go        string `json:"go"`
}

func thisMachine() Machine {
	return Machine{
		Processor: procValue("/proc/cpuinfo", "model name"),
		Cores:     runtime.NumCPU(),
		Memory:    memoryBytes(),
		Kernel:    procValue("/proc/sys/kernel/osrelease", ""),
		Go:        runtime.Version(),
	}
}

// procValue reads what stands behind a key, or the first line where there is
// none. What a machine does not tell is empty.
func procValue(file, key string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(content)) {
		name, value, _ := strings.Cut(line, ":")
		if key == "" {
			return strings.TrimSpace(line)
		}
		if strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func memoryBytes() int64 {
	var kib int64
	_, _ = fmt.Sscan(procValue("/proc/meminfo", "MemTotal"), &kib) // zero where it is not told
	return kib << 10
}

func (m Machine) String() string {
	return fmt.Sprintf("%d cores of %s, %s of memory, Linux %s, %s", m.Cores, orUnknown(m.Processor), sizeName(m.Memory), orUnknown(m.Kernel), m.Go)
}

func orUnknown(s string) string {
	if s == "" {
		return "an unknown kind"
	}
	return s
}

func (r *Report) cell(c Cell) (CellResult, bool) {
	for _, result := range r.Cells {
		if result.Cell == c {
			return result, true
		}
	}
	return CellResult{}, false
}

func (r *Report) failed() []BarResult {
	var failed []BarResult
	for _, b := range r.Bars {
		if b.Verdict == Fails {
			failed = append(failed, b)
		}
	}
	return failed
}

// write hands the report to the terminal and to the files that were asked for.
func (r *Report) write(o options, out io.Writer) error {
	if err := r.writeTables(out, textStyle{}); err != nil {
		return err
	}
	if o.json != "" {
		content, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, append(content, '\n'), 0o600); err != nil {
			return err
		}
		fmt.Fprintln(out, "\nEvery sample is in", o.json)
	}
	if o.docs == "" {
		return nil
	}
	return r.writeDocs(o.docs)
}

func (r *Report) writeDocs(dir string) error {
	results := &strings.Builder{}
	if err := r.writeTables(results, markdownStyle{}); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "bench-results.md"), []byte(results.String()), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "bench.svg"), []byte(r.chart().SVG()), 0o600)
}
