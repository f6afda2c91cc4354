package filter

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"
)

// pool is a column with the values that it may have and those that it is
// compared with, each as text and as what it means.
type pool struct {
	name     string
	kind     arrow.DataType
	values   map[string]any // *big.Rat, float64, string or bool
	literals map[string]any
}

func rats(texts ...string) map[string]any {
	out := map[string]any{}
	for _, text := range texts {
		out[text], _ = new(big.Rat).SetString(text)
	}
	return out
}

// timed has the numbers of seconds as texts' meaning.
func timed(pairs ...string) map[string]any {
	out := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]], _ = new(big.Rat).SetString(pairs[i+1])
	}
	return out
}

var (
	words    = map[string]any{"": "", "a": "a", "ab": "ab", "it's": "it's", "ä": "ä"}
	quoted   = map[string]any{"''": "", "'a'": "a", "'aa'": "aa", "'it''s'": "it's", "'ä'": "ä"}
	decimals = rats("-1.50", "0.00", "0.10", "12.34")
	numerals = rats("-1.5", "-1.495", "0", "1e-1", "0.1000001", "12.34", "1e300", "-99999999999999999999999999999999999999999999")
	floats   = map[string]any{"-1.5": -1.5, "0": 0.0, "-0": math.Copysign(0, -1), "2": 2.0, "NaN": math.NaN(), "+Inf": math.Inf(1)}
	reals    = map[string]any{"-1.5": -1.5, "0": 0.0, "-0.0": 0.0, "2": 2.0, "1e3": 1000.0}
	day      = timed("2020-01-01", "1577836800", "2020-01-02", "1577923200", "1969-12-31", "-86400")
	days     = timed("DATE '2020-01-01'", "1577836800", "'2020-01-02'", "1577923200", "TIMESTAMP '2020-01-01 12:00'", "1577880000", "'1969-12-31T23:59:59.5'", "-0.5")
)

func pools() []pool {
	decimal := func(id arrow.Type) arrow.DataType {
		t, err := arrow.NewDecimalType(id, 6, 2)
		if err != nil {
			panic(err)
		}
		return t
	}
	zoned := &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "Europe/Berlin"}
	return []pool{
		{"i8", arrow.PrimitiveTypes.Int8, rats("-128", "-1", "0", "1", "127"), rats("-129", "-128", "-0.5", "0", "0.5", "1", "127", "128")},
		{"u64", arrow.PrimitiveTypes.Uint64, rats("0", "1", "18446744073709551615"), rats("-1", "0", "0.5", "1", "18446744073709551615", "18446744073709551616")},
		{"i64", arrow.PrimitiveTypes.Int64, rats("-9223372036854775808", "0", "9223372036854775807"), rats("-9223372036854775809", "0", "9223372036854775806.5", "9223372036854775807")},
		{"f64", arrow.PrimitiveTypes.Float64, floats, reals},
		{"f32", arrow.PrimitiveTypes.Float32, floats, reals},
		{"f16", arrow.FixedWidthTypes.Float16, floats, reals},
		{"flag", arrow.FixedWidthTypes.Boolean, map[string]any{"true": true, "false": false}, map[string]any{"TRUE": true, "false": false}},
		{"text", arrow.BinaryTypes.String, words, quoted},
		{"large", arrow.BinaryTypes.LargeString, words, quoted},
		{"view", arrow.BinaryTypes.StringView, words, quoted},
		{"fixed", &arrow.FixedSizeBinaryType{ByteWidth: 2}, map[string]any{"YWI=": "ab", "AAA=": "\x00\x00"}, map[string]any{"'ab'": "ab", "X'6162'": "ab", "x'FFff'": "\xff\xff"}},
		{"odd name.", arrow.BinaryTypes.Binary, map[string]any{"YQ==": "a", "/w==": "\xff"}, map[string]any{"'a'": "a", "X'ff'": "\xff", "X''": ""}},
		{"dictionary", &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, words, quoted},
		{"runs", arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int16, arrow.BinaryTypes.String), words, quoted},
		{"d32", decimal(arrow.DECIMAL32), decimals, numerals},
		{"d64", decimal(arrow.DECIMAL64), decimals, numerals},
		{"d128", decimal(arrow.DECIMAL128), decimals, numerals},
		{"d256", decimal(arrow.DECIMAL256), decimals, numerals},
		{"date32", arrow.FixedWidthTypes.Date32, day, days},
		{"date64", arrow.FixedWidthTypes.Date64, day, days},
		{
			"seconds", &arrow.TimestampType{Unit: arrow.Second}, timed("2020-01-01 00:00:00", "1577836800", "1969-12-31 23:59:59", "-1"),
			timed("'2020-01-01'", "1577836800", "TIMESTAMP '1969-12-31 23:59:59.5'", "-0.5", "TIMESTAMP '9999-12-31'", "253402214400"),
		},
		{
			"zoned", zoned, timed("2020-01-01 00:00:00Z", "1577836800", "1969-12-31 23:59:59.5Z", "-0.5"),
			timed("'2020-01-01 01:00:00+01:00'", "1577836800", "TIMESTAMP '1969-12-31T23:59:59.5Z'", "-0.5", "'1969-12-31'", "-86400"),
		},
		{"clock", arrow.FixedWidthTypes.Time32s, timed("00:00:00", "0", "23:59:59", "86399"), timed("TIME '00:00'", "0", "'23:59:58.5'", "86398.5", "'23:59:59'", "86399")},
	}
}

// record has rows drawn from the pools, sliced from a larger one.
func record(t *rapid.T, columns []pool) arrow.RecordBatch {
	rows := rapid.IntRange(0, 20).Draw(t, "rows")
	fields := []arrow.Field{{Name: "row", Type: arrow.PrimitiveTypes.Int32}}
	for _, p := range columns {
		fields = append(fields, arrow.Field{Name: p.name, Type: p.kind, Nullable: true})
	}
	inner := arrow.Field{Name: "inner", Type: arrow.PrimitiveTypes.Int8, Nullable: true}
	fields = append(fields, arrow.Field{Name: "outer", Type: arrow.StructOf(inner), Nullable: true})
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for i := range rows {
		b.Field(0).(*array.Int32Builder).Append(int32(i))
		for at, p := range columns {
			appendDrawn(t, b.Field(at+1), p)
		}
		outer := b.Field(len(columns) + 1).(*array.StructBuilder)
		if rapid.Bool().Draw(t, "outer") {
			outer.Append(true)
			appendDrawn(t, outer.FieldBuilder(0), columns[0])
			continue
		}
		outer.AppendNull()
	}
	whole := b.NewRecordBatch()
	defer whole.Release()
	from := rapid.IntRange(0, rows).Draw(t, "from")
	slice := whole.NewSlice(int64(from), int64(rapid.IntRange(from, rows).Draw(t, "to")))
	if rapid.Bool().Draw(t, "decode") {
		defer slice.Release()
		return decoded(t, slice)
	}
	return slice
}

func appendDrawn(t *rapid.T, b array.Builder, p pool) {
	keys := append(sortedKeys(p.values), "null")
	text := rapid.SampledFrom(keys).Draw(t, p.name)
	if text == "null" {
		b.AppendNull()
		return
	}
	if err := b.AppendValueFromString(text); err != nil {
		t.Fatal(err)
	}
}

func sortedKeys(m map[string]any) []string {
	return slices.Sorted(maps.Keys(m))
}

// truth is of three values.
type truth int

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// drawn is an expression with what it says of a row.
type drawn struct {
	text string
	of   func(row func(column string) any) truth
}

func draw(t *rapid.T, columns []pool, depth int) drawn {
	kinds := []string{"compare", "compare", "in", "null", "between", "constant"}
	if depth > 0 {
		kinds = append(kinds, "and", "or", "not")
	}
	p := rapid.SampledFrom(columns).Draw(t, "column")
	name := `"` + p.name + `"`
	if p.name == columns[0].name && rapid.Bool().Draw(t, "nested") {
		p.name, name = "outer.inner", "outer.inner"
	}
	literal := func() (string, any) {
		text := rapid.SampledFrom(sortedKeys(p.literals)).Draw(t, "literal")
		return text, p.literals[text]
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "and", "or":
		return drawLogic(t, columns, depth)
	case "not":
		of := draw(t, columns, depth-1)
		return drawn{"NOT (" + of.text + ")", func(row func(string) any) truth { return yes - of.of(row) }}
	case "in":
		return drawIn(t, p, name)
	case "null":
		return drawn{name + " IS NULL", func(row func(string) any) truth { return truthOf(row(p.name) == nil) }}
	case "constant":
		return drawn{"true", func(func(string) any) truth { return yes }}
	case "between":
		if p.name != "flag" {
			low, a := literal()
			high, b := literal()
			return drawn{fmt.Sprintf("%s between %s and %s", name, low, high), func(row func(string) any) truth {
				return min(naive(">=", row(p.name), a), naive("<=", row(p.name), b))
			}}
		}
	}
	ops := []string{"=", "!=", "<>", "<", "<=", ">", ">="}
	if p.name == "flag" {
		ops = ops[:3]
	}
	op := rapid.SampledFrom(ops).Draw(t, "op")
	text, v := literal()
	if rapid.Bool().Draw(t, "flip") {
		return drawn{fmt.Sprintf("%s %s %s", text, op, name), func(row func(string) any) truth { return naive(flips[op], row(p.name), v) }}
	}
	return drawn{fmt.Sprintf("%s %s %s", name, op, text), func(row func(string) any) truth { return naive(op, row(p.name), v) }}
}

var flips = map[string]string{"=": "=", "!=": "!=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

func drawLogic(t *rapid.T, columns []pool, depth int) drawn {
	a, b := draw(t, columns, depth-1), draw(t, columns, depth-1)
	word, pick := " AND ", func(x, y truth) truth { return min(x, y) }
	if rapid.Bool().Draw(t, "or") {
		word, pick = " or ", func(x, y truth) truth { return max(x, y) }
	}
	return drawn{"(" + a.text + ")" + word + "(" + b.text + ")", func(row func(string) any) truth { return pick(a.of(row), b.of(row)) }}
}

func drawIn(t *rapid.T, p pool, name string) drawn {
	texts := rapid.SliceOfN(rapid.SampledFrom(append(sortedKeys(p.literals), "NULL")), 1, 4).Draw(t, "list")
	not := rapid.Bool().Draw(t, "not in")
	word := " IN ("
	if not {
		word = " NOT IN ("
	}
	return drawn{name + word + strings.Join(texts, ", ") + ")", func(row func(string) any) truth {
		sum := no
		for _, text := range texts {
			if text == "NULL" {
				sum = max(sum, unknown)
				continue
			}
			sum = max(sum, naive("=", row(p.name), p.literals[text]))
		}
		if not {
			return yes - sum
		}
		return sum
	}}
}

// naive compares a row's value with a literal.
func naive(op string, v, literal any) truth {
	if v == nil {
		return unknown
	}
	order := 0
	switch v := v.(type) {
	case *big.Rat:
		order = v.Cmp(literal.(*big.Rat))
	case string:
		order = cmp.Compare(v, literal.(string))
	case bool:
		order = len(fmt.Sprint(literal)) - len(fmt.Sprint(v))
	case float64:
		if math.IsNaN(v) {
			return truthOf(op == "!=" || op == "<>")
		}
		order = cmp.Compare(v, literal.(float64))
		if v == literal.(float64) {
			order = 0 // of zeros as well
		}
	}
	switch op {
	case "=":
		return truthOf(order == 0)
	case "!=", "<>":
		return truthOf(order != 0)
	case "<":
		return truthOf(order < 0)
	case "<=":
		return truthOf(order <= 0)
	case ">":
		return truthOf(order > 0)
	default:
		return truthOf(order >= 0)
	}
}

// meaning gives what the value of a row means, by its column's pool.
func meaning(columns []pool, r arrow.RecordBatch, row int) func(string) any {
	return func(name string) any {
		if name == "outer.inner" {
			outer := r.Column(len(columns) + 1).(*array.Struct)
			if outer.IsNull(row) {
				return nil
			}
			return of(columns[0], outer.Field(0), row)
		}
		for i, p := range columns {
			if p.name == name {
				return of(p, r.Column(i+1), row)
			}
		}
		panic(name)
	}
}

func of(p pool, a arrow.Array, row int) any {
	if a.ValueStr(row) == array.NullValueStr {
		return nil
	}
	for text, v := range p.values {
		b := array.NewBuilder(memory.DefaultAllocator, p.kind)
		if err := b.AppendValueFromString(text); err != nil {
			panic(err)
		}
		if b.NewArray().ValueStr(0) == a.ValueStr(row) {
			return v
		}
	}
	panic("no value of the pool: " + a.ValueStr(row))
}

// TestFilterAsNaiveEvaluator compares with an evaluation row by row, and checks
// that no batch is pruned of which a row is selected.
func TestFilterAsNaiveEvaluator(t *testing.T) {
	columns := pools()
	rapid.Check(t, func(t *rapid.T) {
		r := record(t, columns)
		defer r.Release()
		want := draw(t, columns, 3)
		f := bind(t, want.text, r.Schema())
		mask, err := f.Mask(t.Context(), r)
		if err != nil {
			t.Fatalf("Mask(%s): %v", want.text, err)
		}
		defer mask.Release()
		var rows []int
		for i := range int(r.NumRows()) {
			got := unknown
			if mask.IsValid(i) {
				got = truthOf(mask.Value(i))
			}
			expected := want.of(meaning(columns, r, i))
			if got != expected {
				t.Fatalf("%s: row %d is %d, want %d: %v", want.text, i, got, expected, r)
			}
			if expected == yes {
				rows = append(rows, int(r.Column(0).(*array.Int32).Value(i)))
			}
		}
		checkSelection(t, r, mask, rows)
		checkSelection(t, withoutPieces(r), mask, rows)
		if len(rows) > 0 && f.Prune(t.Context(), statistics(columns, r)) {
			t.Fatalf("%s: pruned with rows %v: %v", want.text, rows, r)
		}
	})
}

type fatalf interface {
	Fatalf(format string, args ...any)
	Helper()
}

func bind(t fatalf, text string, schema *arrow.Schema) *Filter {
	t.Helper()
	e, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	f, err := e.Bind(schema)
	if err != nil {
		t.Fatalf("Bind(%s): %v", text, err)
	}
	return f
}

func checkSelection(t *rapid.T, r arrow.RecordBatch, mask *array.Boolean, rows []int) {
	var got, want []string
	for i := range int(r.NumRows()) {
		if slices.Contains(rows, int(r.Column(0).(*array.Int32).Value(i))) {
			want = append(want, rowText(r, i))
		}
	}
	err := Select(t.Context(), r, mask, func(piece arrow.RecordBatch) error {
		for i := range int(piece.NumRows()) {
			got = append(got, rowText(piece, i))
		}
		return nil
	})
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("Select() = %v, %v, want %v", got, err, want)
	}
}

// withoutPieces has the columns that Arrow's own functions filter.
func withoutPieces(r arrow.RecordBatch) arrow.RecordBatch {
	var fields []arrow.Field
	var columns []arrow.Array
	for i, f := range r.Schema().Fields() {
		if selectable(f.Type) {
			fields, columns = append(fields, f), append(columns, r.Column(i))
		}
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, r.NumRows())
}

func rowText(r arrow.RecordBatch, i int) string {
	var texts []string
	for _, c := range r.Columns() {
		texts = append(texts, c.ValueStr(i))
	}
	return strings.Join(texts, "|")
}

// decoded is a record as it comes from a stream, where buffers of nothing are
// missing.
func decoded(t *rapid.T, r arrow.RecordBatch) arrow.RecordBatch {
	var stream bytes.Buffer
	w := ipc.NewWriter(&stream, ipc.WithSchema(r.Schema()))
	if err := errors.Join(w.Write(r), w.Close()); err != nil {
		t.Fatal(err)
	}
	reader, err := ipc.NewReader(&stream)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	reader.Next()
	out := reader.RecordBatch()
	out.Retain()
	return out
}

// statistics are found by looking at every value.
func statistics(columns []pool, r arrow.RecordBatch) Statistics {
	return Statistics{Rows: r.NumRows(), Column: func(index int) (ColumnStatistics, bool) {
		if index == 0 || index > len(columns) {
			return ColumnStatistics{}, false
		}
		column, p := r.Column(index), columns[index-1]
		known := ColumnStatistics{}
		least, most := -1, -1
		for i := range column.Len() {
			v := of(p, column, i)
			if v == nil {
				known.Nulls++
			}
			if f, ok := v.(float64); v == nil || ok && math.IsNaN(f) {
				continue
			}
			if least < 0 || naive("<", v, of(p, column, least)) == yes {
				least = i
			}
			if most < 0 || naive(">", v, of(p, column, most)) == yes {
				most = i
			}
		}
		if least >= 0 {
			low, high := array.NewSlice(column, int64(least), int64(least+1)), array.NewSlice(column, int64(most), int64(most+1))
			known.Range, _ = array.Concatenate([]arrow.Array{low, high}, memory.DefaultAllocator)
		}
		return known, true
	}}
}
