package formats

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// batchTextBytes of text make a batch, if BatchRows rows have not before.
const batchTextBytes = 1 << 20

// byteOrderMark is what some programs write before the first column's name.
var byteOrderMark = []byte("\xef\xbb\xbf")

type csvReader struct {
	in    *input
	rows  *csv.Reader
	batch *array.RecordBuilder
	null  string
}

func newCSVReader(in *input, comma rune, o ReadOptions) (Reader, error) {
	head, rest, err := sample(in)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(head, byteOrderMark) {
		head = head[len(byteOrderMark):]
		if _, err := rest.Discard(len(byteOrderMark)); err != nil {
			return nil, err
		}
	}
	schema, err := inferCSV(newCSVRows(bytes.NewReader(head), comma), o)
	if err != nil {
		return nil, err
	}
	rows := newCSVRows(rest, comma)
	if _, err := rows.Read(); err != nil { // the names, which schema has
		return nil, err
	}
	return &csvReader{
		in: in, rows: rows, null: o.Null,
		batch: array.NewRecordBuilder(memory.DefaultAllocator, schema),
	}, nil
}

func newCSVRows(r io.Reader, comma rune) *csv.Reader {
	rows := csv.NewReader(r)
	rows.Comma = comma
	rows.ReuseRecord = true
	return rows
}

// inferCSV takes the names of the columns from the first row, and their types
// from the rows of the sample.
func inferCSV(rows *csv.Reader, o ReadOptions) (*arrow.Schema, error) {
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty; its first line must name the columns")
	}
	if err != nil {
		return nil, err
	}
	names := append([]string(nil), header...)
	kinds := make([]kind, len(names))
	for {
		row, err := rows.Read()
		if err != nil {
			break // the end of the sample; a real fault shows when the row is read
		}
		for i, s := range row {
			if s != o.Null && kinds[i] != text {
				kinds[i] = widen(kinds[i], kindOf(s))
			}
		}
	}
	return csvSchema(names, kinds, o.Types)
}

func csvSchema(names []string, kinds []kind, types map[string]arrow.DataType) (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(names))
	seen := map[string]bool{}
	for i, name := range names {
		if seen[name] {
			return nil, fmt.Errorf("line 1 names column %q twice", shorten(name))
		}
		seen[name] = true
		fields[i] = arrow.Field{Name: name, Type: kindTypes[kinds[i]], Nullable: true}
		if t, ok := types[name]; ok {
			fields[i].Type = t
		}
	}
	for name := range types {
		if !seen[name] {
			return nil, fmt.Errorf("--type names column %q, which is not in line 1", shorten(name))
		}
	}
	return arrow.NewSchema(fields, nil), nil
}

func (r *csvReader) Schema() *arrow.Schema { return r.batch.Schema() }

func (r *csvReader) Read() (arrow.RecordBatch, error) {
	start := r.rows.InputOffset()
	n := 0
	for ; n < BatchRows && r.rows.InputOffset()-start < batchTextBytes; n++ {
		row, err := r.rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, csvError(err)
		}
		if err := r.appendRow(row); err != nil {
			return nil, err
		}
	}
	if n == 0 {
		return nil, io.EOF
	}
	return r.batch.NewRecordBatch(), nil
}

func (r *csvReader) appendRow(row []string) error {
	for i, s := range row {
		b := r.batch.Field(i)
		if s == r.null {
			b.AppendNull()
			continue
		}
		if err := appendText(b, s); err != nil {
			line, _ := r.rows.FieldPos(i)
			name := r.Schema().Field(i).Name
			return fmt.Errorf("line %d, column %q: %w, as the values in the first %d MiB are; say --type '%[2]s=utf8' or another type",
				line, name, err, sampleBytes>>20)
		}
	}
	return nil
}

// csvError says what the library's error means for the file.
func csvError(err error) error {
	var at *csv.ParseError
	if errors.As(err, &at) && errors.Is(err, csv.ErrFieldCount) {
		return fmt.Errorf("line %d has more or fewer fields than line 1 has columns", at.StartLine)
	}
	return err
}

func (r *csvReader) Done() float64 { return r.in.done() }

func (r *csvReader) Close() error {
	r.batch.Release()
	return nil
}

type csvWriter struct {
	out  *bufio.Writer
	rows *csv.Writer
	row  []string
	null string
}

func newCSVWriter(w io.Writer, comma rune, schema *arrow.Schema, o WriteOptions) (Writer, error) {
	out := bufio.NewWriterSize(w, 1<<20)
	cw := &csvWriter{out: out, rows: csv.NewWriter(out), row: make([]string, schema.NumFields()), null: o.Null}
	cw.rows.Comma = comma
	for i, f := range schema.Fields() {
		cw.row[i] = f.Name
	}
	return cw, cw.rows.Write(cw.row)
}

func (w *csvWriter) Write(rec arrow.RecordBatch) error {
	for i := range int(rec.NumRows()) {
		for j, column := range rec.Columns() {
			if column.IsNull(i) {
				w.row[j] = w.null
			} else {
				w.row[j] = valueText(column, i)
			}
		}
		if err := w.writeRow(); err != nil {
			return err
		}
	}
	return nil
}

// writeRow quotes the empty cell of a single column: an empty line is not a
// row when it is read.
func (w *csvWriter) writeRow() error {
	if len(w.row) != 1 || w.row[0] != "" {
		return w.rows.Write(w.row)
	}
	w.rows.Flush()
	_, err := w.out.WriteString("\"\"\n")
	return errors.Join(err, w.rows.Error())
}

func (w *csvWriter) Close() error {
	w.rows.Flush()
	if err := w.rows.Error(); err != nil {
		return err
	}
	return w.out.Flush()
}
