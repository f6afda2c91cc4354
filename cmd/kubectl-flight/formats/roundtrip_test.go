package formats

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// sampleSchema has what all formats can hold; Parquet and Arrow keep all of
// it, text its values.
func sampleSchema() *arrow.Schema {
	about := arrow.MetadataFrom(map[string]string{"source": "test"})
	return arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true, Metadata: arrow.MetadataFrom(map[string]string{"unit": "none"})},
		{Name: "ok", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "ratio", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
		{Name: "local", Type: &arrow.TimestampType{Unit: arrow.Microsecond}, Nullable: true},
		{Name: "instant", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, Nullable: true},
	}, &about)
}

const sampleRows = `[
	{"id": 9007199254740993, "ok": true, "ratio": 0.1, "name": "a,\"b\"\nc", "day": "2013-01-02", "local": "2013-01-02 03:04:05.000006", "instant": "2013-01-02 03:04:05.000006Z"},
	{"id": null, "ok": null, "ratio": null, "name": null, "day": null, "local": null, "instant": null},
	{"id": -1, "ok": false, "ratio": 1e300, "name": "<ä>", "day": "1969-12-31", "local": "1969-12-31 23:59:59", "instant": "2262-12-31 23:59:59Z"}
]`

func batch(t *testing.T, schema *arrow.Schema, rows string) arrow.RecordBatch {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func writeFile(t *testing.T, f Format, schema *arrow.Schema, recs ...arrow.RecordBatch) string {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, f, schema, WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return textFile(t, "data."+string(f), out.String())
}

func textFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readAll reads a source to its end.
func readAll(s Source, o ReadOptions) (schema *arrow.Schema, recs []arrow.RecordBatch, err error) {
	r, err := Open(s, o)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		rec, err := r.Read()
		if err == io.EOF { //nolint:errorlint // as Reader says
			return r.Schema(), recs, nil
		}
		if err != nil {
			return r.Schema(), recs, err
		}
		recs = append(recs, rec)
	}
}

func TestRoundTrip(t *testing.T) {
	schema := sampleSchema()
	want := batch(t, schema, sampleRows)
	for _, f := range Readable() {
		path := writeFile(t, f, schema, want)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources := map[string]Source{
			"file":  {Path: path, Format: f},
			"stdin": {Path: Stdin, Format: f, Stdin: bytes.NewReader(content)},
		}
		for name, source := range sources {
			t.Run(string(f)+" from "+name, func(t *testing.T) {
				got, recs, err := readAll(source, ReadOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if len(recs) != 1 || !array.RecordEqual(recs[0], want) {
					t.Errorf("got %v, want %v", recs, want)
				}
				keepsMetadata := f == Parquet || f == Arrow || f == ArrowStream
				if keepsMetadata && (!got.Equal(schema) || !got.Metadata().Equal(schema.Metadata())) {
					t.Errorf("got schema %v, want %v", got, schema)
				}
			})
		}
	}
}

func TestRoundTripNested(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
		{Name: "at", Type: arrow.StructOf(
			arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
			arrow.Field{Name: "when", Type: &arrow.TimestampType{Unit: arrow.Microsecond}, Nullable: true},
		), Nullable: true},
	}, nil)
	want := batch(t, schema, `[
		{"tags": ["a", null], "at": {"x": 1, "when": "2013-01-02 03:04:05"}},
		{"tags": [], "at": {"x": null, "when": null}},
		{"tags": null, "at": null}]`)
	for _, f := range []Format{Parquet, Arrow, ArrowStream, JSONLines} {
		t.Run(string(f), func(t *testing.T) {
			_, recs, err := readAll(Source{Path: writeFile(t, f, schema, want), Format: f}, ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if len(recs) != 1 || recs[0].NumRows() != 3 {
				t.Fatalf("got %v", recs)
			}
			for i := range want.Columns() {
				if got := recs[0].Column(i); got.String() != want.Column(i).String() {
					t.Errorf("got %v, want %v", got, want.Column(i))
				}
			}
		})
	}
}

func TestNoRows(t *testing.T) {
	schema := sampleSchema()
	for _, f := range []Format{Parquet, Arrow, ArrowStream, CSV, TSV} {
		t.Run(string(f), func(t *testing.T) {
			got, recs, err := readAll(Source{Path: writeFile(t, f, schema), Format: f}, ReadOptions{})
			if err != nil || len(recs) != 0 {
				t.Fatalf("got %v, %v", recs, err)
			}
			if got.NumFields() != schema.NumFields() {
				t.Errorf("got schema %v, want the columns of %v", got, schema)
			}
		})
	}
}

// A single column with a null must not become a line without anything, which
// readers of CSV pass over.
func TestCSVSingleNull(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	want := batch(t, schema, `[{"a": 1}, {"a": null}, {"a": 2}]`)
	_, recs, err := readAll(Source{Path: writeFile(t, CSV, schema, want), Format: CSV}, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(recs) != 1 || !array.RecordEqual(recs[0], want) {
		t.Errorf("got %v, want %v", recs, want)
	}
}
