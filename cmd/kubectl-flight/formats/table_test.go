package formats

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "city", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "note", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil)
	rec := batch(t, schema, `[
		{"n": 7, "city": "Köln", "note": "red \u001b[31m alert"},
		{"n": 1234, "city": null, "note": "a text that is longer than anybody wants to see in a table"}]`)
	tests := map[string]struct {
		width int
		want  string
	}{
		"Wide": {0, "   n  city  note\n" +
			"   7  Köln  red ·[31m alert\n" +
			"1234        a text that is longer than anybody want…\n2 rows\n"},
		"Narrow": {12, "   n  city\n   7  Köln\n1234\n(1 more columns: note)\n2 rows\n"},
		"Tiny":   {1, "   n\n   7\n1234\n(2 more columns: city, note)\n2 rows\n"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			w, err := NewWriter(&out, Table, schema, WriteOptions{Table: TableOptions{
				Width: tc.width, Footer: func(n int) string { return fmt.Sprintf("%d rows", n) },
			}})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
