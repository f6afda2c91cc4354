package formats

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

type jsonReader struct {
	in      *input
	lines   *bufio.Reader
	line    int
	columns *arrow.StructType
	batch   *array.RecordBuilder
}

func newJSONReader(in *input, o ReadOptions) (Reader, error) {
	head, rest, err := sample(in)
	if err != nil {
		return nil, err
	}
	schema, err := inferJSON(head, o)
	if err != nil {
		return nil, err
	}
	return &jsonReader{
		in: in, lines: rest, columns: arrow.StructOf(schema.Fields()...),
		batch: array.NewRecordBuilder(memory.DefaultAllocator, schema),
	}, nil
}

// inferJSON takes the columns and their types from the lines of the sample.
func inferJSON(head []byte, o ReadOptions) (*arrow.Schema, error) {
	all := &shape{}
	n := 0
	for line := range bytes.Lines(head) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		row, err := parseJSONLine(line)
		if err != nil && n == 1 && line[0] == '[' {
			return nil, errors.New("the file is a JSON array; JSON lines have one object on each line, which jq -c '.[]' makes of it")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		all.observe(row)
	}
	fields := all.fields()
	for _, name := range slices.Sorted(maps.Keys(o.Types)) {
		field := arrow.Field{Name: name, Type: o.Types[name], Nullable: true}
		if i := slices.Index(all.names, name); i >= 0 {
			fields[i] = field
		} else {
			fields = append(fields, field)
		}
	}
	if len(fields) == 0 {
		return nil, errors.New("no line names a column")
	}
	return arrow.NewSchema(fields, nil), nil
}

func (r *jsonReader) Schema() *arrow.Schema { return r.batch.Schema() }

func (r *jsonReader) Read() (arrow.RecordBatch, error) {
	rows, size := 0, 0
	for rows < BatchRows && size < batchTextBytes {
		line, err := r.nextLine()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		row, err := parseJSONLine(line)
		if err == nil {
			err = appendKeys(row, "", r.columns, r.batch.Field)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", r.line, err)
		}
		rows++
		size += len(line)
	}
	if rows == 0 {
		return nil, io.EOF
	}
	return r.batch.NewRecordBatch(), nil
}

// nextLine gives the next line that is not blank. It is valid until the next
// call.
func (r *jsonReader) nextLine() ([]byte, error) {
	for {
		r.line++
		line, err := r.lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("line %d is longer than %d MiB", r.line, sampleBytes>>20)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			return text, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// appendKeys appends one value to each field's builder: the object's, or a
// null where the object lacks the key.
func appendKeys(o jsonValue, prefix string, fields *arrow.StructType, builder func(int) array.Builder) error {
	given := make([]bool, fields.NumFields())
	for i, name := range o.keys {
		column := prefix + name
		at, known := fields.FieldIdx(name)
		switch {
		case !known:
			return fmt.Errorf("key %q does not appear in the first %d MiB; say --type '%[1]s=TYPE'", shorten(column), sampleBytes>>20)
		case given[at]:
			return fmt.Errorf("key %q appears twice", shorten(column))
		}
		given[at] = true
		if err := appendJSON(builder(at), o.items[i], column); err != nil {
			return err
		}
	}
	for i, ok := range given {
		if !ok {
			builder(i).AppendNull()
		}
	}
	return nil
}

// appendJSON appends a value; column names it in messages. A column of text
// takes values of every kind.
func appendJSON(b array.Builder, v jsonValue, column string) error {
	if v.isNull() {
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.ListBuilder:
		if v.start == '[' {
			return appendItems(b, v.items, column)
		}
	case *array.StructBuilder:
		if v.start == '{' {
			b.Append(true)
			return appendKeys(v, column+".", b.Type().(*arrow.StructType), b.FieldBuilder)
		}
	default:
		if appendText(b, v.text) == nil {
			return nil
		}
	}
	return fmt.Errorf("column %q: %s is not of type %s, as the values in the first %d MiB are; say --type '%[1]s=utf8' or another type",
		column, shorten(v.text), b.Type(), sampleBytes>>20)
}

func appendItems(b *array.ListBuilder, items []jsonValue, column string) error {
	b.Append(true)
	for _, v := range items {
		if err := appendJSON(b.ValueBuilder(), v, column); err != nil {
			return err
		}
	}
	return nil
}

func (r *jsonReader) Done() float64 { return r.in.done() }

func (r *jsonReader) Close() error {
	r.batch.Release()
	return nil
}
