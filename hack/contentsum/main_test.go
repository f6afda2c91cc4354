package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "n", Type: arrow.PrimitiveTypes.Int16, Nullable: true},
	{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
}, nil)

// writeFile writes each text, JSON rows, as a batch of its own.
func writeFile(t *testing.T, name string, batches ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var w interface {
		Write(arrow.RecordBatch) error
		Close() error
	}
	if filepath.Ext(name) == ".parquet" {
		w, err = pqarrow.NewFileWriter(schema, f, parquet.NewWriterProperties(), pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	} else {
		w, err = ipc.NewFileWriter(f, ipc.WithSchema(schema))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range batches {
		batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(batch); err != nil {
			t.Fatal(err)
		}
		batch.Release()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSum(t *testing.T) {
	want, rows, err := sumFile(writeFile(t, "whole.arrow", `[{"n": 1, "s": "a"}, {"n": null, "s": ""}, {"n": 3, "s": "bc"}]`))
	if err != nil || rows != 3 {
		t.Fatalf("%d rows, error %v; want 3 rows", rows, err)
	}
	for name, tc := range map[string]struct {
		file  string
		equal bool
	}{
		"other batches": {writeFile(t, "a.arrow", `[{"n": 1, "s": "a"}]`, `[{"n": null, "s": ""}, {"n": 3, "s": "bc"}]`), true},
		"other format":  {writeFile(t, "a.parquet", `[{"n": 1, "s": "a"}, {"n": null, "s": ""}, {"n": 3, "s": "bc"}]`), true},
		"null for text": {writeFile(t, "a.arrow", `[{"n": 1, "s": "a"}, {"n": null, "s": null}, {"n": 3, "s": "bc"}]`), false},
		"other order":   {writeFile(t, "a.arrow", `[{"n": null, "s": ""}, {"n": 1, "s": "a"}, {"n": 3, "s": "bc"}]`), false},
		"shifted text":  {writeFile(t, "a.arrow", `[{"n": 1, "s": "ab"}, {"n": null, "s": ""}, {"n": 3, "s": "c"}]`), false},
		"row too few":   {writeFile(t, "a.arrow", `[{"n": 1, "s": "a"}, {"n": null, "s": ""}]`), false},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := sumFile(tc.file)
			if err != nil {
				t.Fatal(err)
			}
			if (got == want) != tc.equal {
				t.Errorf("sums are equal: %t, want %t", got == want, tc.equal)
			}
		})
	}
}
