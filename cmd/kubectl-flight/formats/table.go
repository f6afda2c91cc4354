package formats

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
)

// TableOptions tell how a table is laid out.
type TableOptions struct {
	Width int // of the terminal in characters; 0: no bound
	// Footer is the line under the table, given the number of rows shown.
	Footer func(rows int) string
}

// maxCell is the width at which a cell is cut.
const maxCell = 40

// tableWriter keeps its rows until Close, when the widths are known; callers
// give it few.
type tableWriter struct {
	out    io.Writer
	o      TableOptions
	schema *arrow.Schema
	cells  [][]string // by column, the header first
}

func newTableWriter(w io.Writer, schema *arrow.Schema, o TableOptions) Writer {
	t := &tableWriter{out: w, o: o, schema: schema, cells: make([][]string, schema.NumFields())}
	for i, f := range schema.Fields() {
		t.cells[i] = []string{cell(f.Name)}
	}
	return t
}

func (t *tableWriter) Write(rec arrow.RecordBatch) error {
	for j, column := range rec.Columns() {
		for i := range int(rec.NumRows()) {
			if column.IsNull(i) {
				t.cells[j] = append(t.cells[j], "")
			} else {
				t.cells[j] = append(t.cells[j], cell(valueText(column, i)))
			}
		}
	}
	return nil
}

func (t *tableWriter) Close() error {
	widths, shown := t.layout()
	var out strings.Builder
	for row := range len(t.cells[0]) {
		var line strings.Builder
		for j := range shown {
			pad := strings.Repeat(" ", widths[j]-utf8.RuneCountInString(t.cells[j][row]))
			if j > 0 {
				line.WriteString("  ")
			}
			if isNumber(t.schema.Field(j).Type) {
				line.WriteString(pad + t.cells[j][row])
			} else {
				line.WriteString(t.cells[j][row] + pad)
			}
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	if hidden := len(t.cells) - shown; hidden > 0 {
		fmt.Fprintf(&out, "(%d more columns: %s)\n", hidden, strings.Join(t.names()[shown:], ", "))
	}
	if t.o.Footer != nil {
		out.WriteString(t.o.Footer(len(t.cells[0])-1) + "\n")
	}
	_, err := io.WriteString(t.out, out.String())
	return err
}

// layout gives the width of each column and how many of them fit.
func (t *tableWriter) layout() (widths []int, shown int) {
	total := 0
	for _, column := range t.cells {
		width := 0
		for _, c := range column {
			width = max(width, utf8.RuneCountInString(c))
		}
		widths = append(widths, width)
		total += width
		if shown == len(widths)-1 && (t.o.Width == 0 || total <= t.o.Width || shown == 0) {
			shown++
		}
		total += len("  ")
	}
	return widths, shown
}

func (t *tableWriter) names() []string {
	names := make([]string, len(t.cells))
	for i, column := range t.cells {
		names[i] = column[0]
	}
	return names
}

// cell makes a text fit for a terminal: on one line, not long, and without
// characters that would steer the terminal.
func cell(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, s)
	if utf8.RuneCountInString(s) <= maxCell {
		return s
	}
	return string([]rune(s)[:maxCell-1]) + "…"
}

func isNumber(t arrow.DataType) bool {
	return arrow.IsInteger(t.ID()) || arrow.IsFloating(t.ID()) || arrow.IsDecimal(t.ID())
}
