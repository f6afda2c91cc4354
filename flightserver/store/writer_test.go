package store

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// TestWriterKeepsNothing counts what is left of records once an upload ended,
// however it ended.
func TestWriterKeepsNothing(t *testing.T) {
	for _, f := range []Format{FormatArrow, FormatParquet} {
		for name, end := range map[string]func(*testing.T, *Writer){
			"commit": func(t *testing.T, w *Writer) {
				if _, err := w.Commit(t.Context(), "upload", false); err != nil {
					t.Fatal(err)
				}
			},
			"abort": func(t *testing.T, w *Writer) {
				if err := w.Abort(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
		} {
			t.Run(string(f)+" "+name, func(t *testing.T) {
				checked := memory.NewCheckedAllocator(memory.DefaultAllocator)
				defer checked.AssertSize(t, 0)
				dt := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
				schema := arrow.NewSchema([]arrow.Field{
					{Name: "d", Type: dt, Nullable: true},
					{Name: "l", Type: arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int8), Nullable: true},
				}, nil)
				w, err := openStore(t, Options{}).NewDataset(RandomID(), f).NewWriter(schema)
				if err != nil {
					t.Fatal(err)
				}
				for _, word := range []string{"a", "b", "c"} {
					writeChecked(t, w, checked, schema, word)
				}
				end(t, w)
			})
		}
	}
}

func writeChecked(t *testing.T, w *Writer, mem memory.Allocator, schema *arrow.Schema, word string) {
	t.Helper()
	b := array.NewRecordBuilder(mem, schema)
	defer b.Release()
	for range 3 {
		if err := b.Field(0).(*array.BinaryDictionaryBuilder).AppendString(word); err != nil {
			t.Fatal(err)
		}
		list := b.Field(1).(*array.FixedSizeListBuilder)
		list.Append(true)
		list.ValueBuilder().(*array.Int8Builder).AppendValues([]int8{1, 2}, nil)
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	part := rec.NewSlice(1, 3)
	defer part.Release()
	for _, r := range []arrow.RecordBatch{rec, part} {
		if err := w.Write(t.Context(), Batch{Record: r}); err != nil {
			t.Fatal(err)
		}
	}
}
