package filter

import (
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"
)

func TestJoinKeepsRows(t *testing.T) {
	columns := slices.DeleteFunc(pools(), func(p pool) bool {
		return p.kind.ID() == arrow.DICTIONARY || p.kind.ID() == arrow.RUN_END_ENCODED
	})
	rapid.Check(t, func(t *rapid.T) {
		var records []arrow.RecordBatch
		var want, got []string
		for range rapid.IntRange(1, 4).Draw(t, "records") {
			r := record(t, columns)
			records = append(records, r)
			for i := range int(r.NumRows()) {
				want = append(want, rowText(r, i))
			}
		}
		joined, ok := Join(t.Context(), records)
		if !ok {
			t.Fatal("Join() cannot")
		}
		for i := range int(joined.NumRows()) {
			got = append(got, rowText(joined, i))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("Join() = %v, want %v", got, want)
		}
	})
}

func TestJoinOfOneDictionary(t *testing.T) {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "d", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}},
	}, nil))
	defer b.Release()
	for _, text := range []string{"a", "b", "a"} {
		if err := b.Field(0).AppendValueFromString(text); err != nil {
			t.Fatal(err)
		}
	}
	r := b.NewRecordBatch()
	joined, ok := Join(t.Context(), []arrow.RecordBatch{r.NewSlice(1, 3), r.NewSlice(0, 1)})
	if !ok || joined.Column(0).ValueStr(0) != "b" || joined.Column(0).ValueStr(2) != "a" {
		t.Errorf("Join() = %v, %v, want b, a, a", joined, ok)
	}
}

func TestJoinOfUnions(t *testing.T) {
	union := arrow.SparseUnionOf([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int8}}, []arrow.UnionTypeCode{0})
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "u", Type: union}}, nil))
	defer b.Release()
	r := b.NewRecordBatch()
	if _, ok := Join(t.Context(), []arrow.RecordBatch{r, r}); ok {
		t.Error("Join() of unions succeeded")
	}
}
