package formats

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// jsonWriter writes an object a line, its keys in the order of the columns.
type jsonWriter struct {
	out  *bufio.Writer
	row  bytes.Buffer
	json *json.Encoder // to row
}

func newJSONWriter(w io.Writer, _ *arrow.Schema) Writer {
	jw := &jsonWriter{out: bufio.NewWriterSize(w, 1<<20)}
	jw.json = json.NewEncoder(&jw.row)
	jw.json.SetEscapeHTML(false)
	return jw
}

func (w *jsonWriter) Write(rec arrow.RecordBatch) error {
	fields := rec.Schema().Fields()
	for i := range int(rec.NumRows()) {
		w.row.Reset()
		if err := w.object(fields, rec.Column, i); err != nil {
			return err
		}
		w.row.WriteByte('\n')
		if _, err := w.out.Write(w.row.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func (w *jsonWriter) object(fields []arrow.Field, column func(int) arrow.Array, i int) error {
	w.row.WriteByte('{')
	for j, f := range fields {
		if j > 0 {
			w.row.WriteByte(',')
		}
		if err := w.scalar(f.Name); err != nil {
			return err
		}
		w.row.WriteByte(':')
		if err := w.value(column(j), i); err != nil {
			return err
		}
	}
	w.row.WriteByte('}')
	return nil
}

func (w *jsonWriter) value(a arrow.Array, i int) error {
	if a.IsNull(i) {
		w.row.WriteString("null")
		return nil
	}
	switch a := a.(type) {
	case *array.Timestamp:
		return w.scalar(timestampText(a, i))
	case *array.Struct:
		return w.object(a.DataType().(*arrow.StructType).Fields(), a.Field, i)
	case array.ListLike: // a map is a list of keys and values
		return w.items(a, i)
	case *array.Dictionary:
		return w.value(a.Dictionary(), a.GetValueIndex(i))
	}
	return w.scalar(a.GetOneForMarshal(i))
}

func (w *jsonWriter) items(a array.ListLike, i int) error {
	w.row.WriteByte('[')
	start, end := a.ValueOffsets(i)
	for j := start; j < end; j++ {
		if j > start {
			w.row.WriteByte(',')
		}
		if err := w.value(a.ListValues(), int(j)); err != nil {
			return err
		}
	}
	w.row.WriteByte(']')
	return nil
}

func (w *jsonWriter) scalar(v any) error {
	if err := w.json.Encode(v); err != nil {
		return err
	}
	w.row.Truncate(w.row.Len() - 1) // the encoder's newline
	return nil
}

func (w *jsonWriter) Close() error { return w.out.Flush() }
