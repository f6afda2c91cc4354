package store

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/memory"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

func openStore(t testing.TB, o Options) *Store {
	t.Helper()
	o.Dir, o.Logger = "data", slog.New(slog.DiscardHandler)
	if o.FS == nil {
		o.FS = vfs.NewMemory()
	}
	if o.Clock == nil {
		o.Clock = testclock.NewFakeClock(time.Unix(1e9, 0))
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// roundTrip uploads records and reads them back. The caller releases both.
func roundTrip(t *testing.T, s *Store, f Format, schema *arrow.Schema, records ...arrow.RecordBatch) ([]arrow.RecordBatch, *Dataset) {
	t.Helper()
	d := s.NewDataset(RandomID(), f)
	w, err := d.NewWriter(schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records {
		if err := w.Write(t.Context(), Batch{Record: rec}); err != nil {
			t.Fatal(err)
		}
	}
	v, err := w.Commit(t.Context(), "upload", false)
	if err != nil {
		t.Fatal(err)
	}
	return readAll(t, d, v.Number), d
}

func readAll(t *testing.T, d *Dataset, number uint64) []arrow.RecordBatch {
	t.Helper()
	snapshot, err := d.Acquire(number)
	if err != nil {
		t.Fatal(err)
	}
	scan, err := snapshot.Scan(t.Context(), "test", 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(scan.Release) // records lie in what it holds
	r := scan.Records()
	var got []arrow.RecordBatch
	for r.Next() {
		rec := r.RecordBatch()
		rec.Retain()
		got = append(got, rec)
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return got
}

func wantSchema(t *testing.T, got, want *arrow.Schema) {
	t.Helper()
	if !got.Equal(want) || !got.Metadata().Equal(want.Metadata()) {
		t.Errorf("schema is %v, want %v", got, want)
	}
}

// wantRecords compares row by row: Parquet may cut records elsewhere.
func wantRecords(t *testing.T, schema *arrow.Schema, got, want []arrow.RecordBatch) {
	t.Helper()
	for _, rec := range got {
		wantSchema(t, rec.Schema(), schema)
	}
	left, right := array.NewTableFromRecords(schema, got), array.NewTableFromRecords(schema, want)
	defer left.Release()
	defer right.Release()
	if left.NumRows() != right.NumRows() {
		t.Fatalf("%d rows, want %d", left.NumRows(), right.NumRows())
	}
	for i := range int(left.NumCols()) {
		if !array.ChunkedEqual(left.Column(i).Data(), right.Column(i).Data()) {
			t.Errorf("column %d is %v, want %v", i, left.Column(i).Data(), right.Column(i).Data())
		}
	}
}

var metadata = arrow.NewMetadata([]string{"iox::column::type", "k\x01"}, []string{"iox::column_type::field::integer", "välue"})

func field(t arrow.DataType) arrow.Field {
	return arrow.Field{Name: "f", Type: t, Nullable: true, Metadata: metadata}
}

func timestamp(unit arrow.TimeUnit, zone string) arrow.DataType {
	return &arrow.TimestampType{Unit: unit, TimeZone: zone}
}

func dictionary(index, value arrow.DataType) arrow.DataType {
	return &arrow.DictionaryType{IndexType: index, ValueType: value}
}

func TestTypes(t *testing.T) {
	i8, i16, i32, i64, text := arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String
	json, err := extensions.NewJSONType(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		t       arrow.DataType
		values  string
		parquet bool
	}{
		{arrow.Null, `[null, null]`, true},
		{arrow.FixedWidthTypes.Boolean, `[true, null, false]`, true},
		{i8, `[-128, null]`, true},
		{i16, `[-32768, null]`, true},
		{i32, `[-2147483648, null]`, true},
		{i64, `[-9007199254740993, null]`, true},
		{arrow.PrimitiveTypes.Uint8, `[255, null]`, true},
		{arrow.PrimitiveTypes.Uint16, `[65535, null]`, true},
		{arrow.PrimitiveTypes.Uint32, `[4294967295, null]`, true},
		{arrow.PrimitiveTypes.Uint64, `[18446744073709551615, null]`, true},
		{arrow.FixedWidthTypes.Float16, `[1.5, null]`, true},
		{arrow.PrimitiveTypes.Float32, `[1.5, null]`, true},
		{arrow.PrimitiveTypes.Float64, `[1.5, null]`, true},
		{text, `["", null, "ä"]`, true},
		{arrow.BinaryTypes.LargeString, `["a", null]`, true},
		{arrow.BinaryTypes.StringView, `["a", null, "longer than twelve bytes"]`, false},
		{arrow.BinaryTypes.Binary, `["YQ==", null]`, true},
		{arrow.BinaryTypes.LargeBinary, `["YQ==", null]`, true},
		{arrow.BinaryTypes.BinaryView, `["YQ==", null]`, false},
		{&arrow.FixedSizeBinaryType{ByteWidth: 3}, `["YWJj", null]`, true},
		{arrow.FixedWidthTypes.Date32, `[1, null]`, true},
		{arrow.FixedWidthTypes.Date64, `[86400000, null]`, false},
		{arrow.FixedWidthTypes.Time32s, `[1, null]`, true},
		{arrow.FixedWidthTypes.Time32ms, `[1, null]`, true},
		{arrow.FixedWidthTypes.Time64us, `[1, null]`, true},
		{arrow.FixedWidthTypes.Time64ns, `[1, null]`, true},
		{timestamp(arrow.Second, ""), `[-7, null]`, true},
		{timestamp(arrow.Millisecond, ""), `[1, null]`, true},
		{timestamp(arrow.Microsecond, "UTC"), `[1, null]`, true},
		{timestamp(arrow.Nanosecond, "Europe/Berlin"), `[1, null]`, true},
		{timestamp(arrow.Second, "+01:00"), `[1, null]`, true},
		{arrow.FixedWidthTypes.Duration_s, `[1, null]`, false},
		{arrow.FixedWidthTypes.MonthInterval, `[{"months": 1}, null]`, false},
		{arrow.FixedWidthTypes.MonthDayNanoInterval, `[{"months": 1, "days": 2, "nanoseconds": 3}, null]`, false},
		{&arrow.Decimal32Type{Precision: 5, Scale: 2}, `["1.25", null]`, false},
		{&arrow.Decimal64Type{Precision: 15, Scale: 2}, `["1.25", null]`, false},
		{&arrow.Decimal128Type{Precision: 5, Scale: 2}, `["1.25", null]`, true},
		{&arrow.Decimal128Type{Precision: 38, Scale: 2}, `["-1.25", null]`, true},
		{&arrow.Decimal256Type{Precision: 60, Scale: 2}, `["1.25", null]`, true},
		{&arrow.Decimal128Type{Precision: 5, Scale: -2}, `["100", null]`, false},
		{arrow.ListOf(arrow.Null), `[[null], []]`, true},
		{arrow.ListOf(i64), `[[1, null], null, []]`, true},
		{arrow.LargeListOf(text), `[["a"], null]`, true},
		{arrow.ListOfNonNullable(i8), `[[1, 2], null]`, true},
		{arrow.ListOfField(arrow.Field{Name: "named", Type: i8, Nullable: true, Metadata: metadata}), `[[1, 2], null]`, true},
		{arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32), `[[1, 2], [5, 6], [3, 4]]`, true},
		{arrow.ListOf(arrow.FixedSizeListOf(2, i8)), `[[[1, 2], [3, 4]], [[5, 6]], [[7, 8]]]`, true},
		{arrow.StructOf(arrow.Field{Name: "x", Type: arrow.ListViewOf(i8), Nullable: true}), `[{"x": [1, 2]}, {"x": [3]}]`, false},
		{arrow.ListViewOf(i8), `[[1, 2], null]`, false},
		{arrow.LargeListViewOf(i8), `[[1, 2], null]`, false},
		{arrow.ListOf(arrow.ListOf(timestamp(arrow.Second, ""))), `[[[1], null], null]`, true},
		{arrow.StructOf(arrow.Field{Name: "x", Type: i8, Nullable: true, Metadata: metadata}, arrow.Field{Name: "y", Type: arrow.ListOf(text), Nullable: true}), `[{"x": 1, "y": ["a"]}, null]`, true},
		{arrow.StructOf(), `[{}, null]`, false},
		{arrow.ListOf(arrow.StructOf(arrow.Field{Name: "d", Type: arrow.FixedWidthTypes.Duration_s})), `[[{"d": 1}], null]`, false},
		{arrow.MapOf(text, i64), `[[{"key": "a", "value": 1}], null]`, true},
		{dictionary(i32, text), `["a", null, "a"]`, true},
		{dictionary(i8, text), `["a", null]`, false},
		{dictionary(i32, i64), `[7, null]`, false},
		{arrow.ListOf(dictionary(i32, text)), `[["a"], null]`, true},
		{arrow.RunEndEncodedOf(i32, text), `["a", "a", null]`, false},
		{extensions.NewUUIDType(), `["00112233-4455-6677-8899-aabbccddeeff", null]`, true},
		{extensions.NewBool8Type(), `[true, null]`, false},
		{json, `["{}", null]`, false},
	} {
		schemaMetadata := metadata
		schema := arrow.NewSchema([]arrow.Field{field(tc.t)}, &schemaMetadata)
		for _, f := range []Format{FormatArrow, FormatParquet} {
			t.Run(fmt.Sprint(f, " ", tc.t), func(t *testing.T) {
				s := openStore(t, Options{})
				if f == FormatParquet && !tc.parquet {
					_, err := s.NewDataset(RandomID(), f).NewWriter(schema)
					if !errors.Is(err, ErrUnsupportedType) || !strings.Contains(err.Error(), `"f`) {
						t.Errorf("error %v, want %v naming the field", err, ErrUnsupportedType)
					}
					return
				}
				values, _, err := array.FromJSON(memory.DefaultAllocator, tc.t, strings.NewReader(tc.values))
				if err != nil {
					t.Fatal(err)
				}
				rec := array.NewRecordBatch(schema, []arrow.Array{values}, int64(values.Len()))
				sliced, empty := rec.NewSlice(1, rec.NumRows()), rec.NewSlice(0, 0)
				all := []arrow.RecordBatch{rec, empty, sliced, rec}
				got, d := roundTrip(t, s, f, schema, all...)
				wantSchema(t, d.Newest().Schema, schema)
				wantRecords(t, schema, got, all)
			})
		}
	}
}

func TestNoRows(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{field(arrow.PrimitiveTypes.Int64)}, nil)
	for _, f := range []Format{FormatArrow, FormatParquet} {
		got, d := roundTrip(t, openStore(t, Options{}), f, schema)
		if len(got) != 0 || d.Newest().Rows != 0 {
			t.Errorf("%s: nothing became %v", f, got)
		}
		wantSchema(t, d.Newest().Schema, schema)
	}
}

func TestNoColumns(t *testing.T) {
	schema := arrow.NewSchema(nil, nil)
	rec := array.NewRecordBatch(schema, nil, 5)
	got, d := roundTrip(t, openStore(t, Options{}), FormatArrow, schema, rec, rec)
	if len(got) != 2 || got[0].NumRows() != 5 || d.Newest().Rows != 10 {
		t.Errorf("ten rows without columns became %v", got)
	}
	if err := CheckSupported(FormatParquet, schema); !errors.Is(err, ErrUnsupportedType) {
		t.Errorf("Parquet without columns: %v", err)
	}
}

func TestRecordMetadata(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{field(arrow.Null)}, nil)
	rec := array.NewRecordBatchWithMetadata(schema, []arrow.Array{array.NewNull(1)}, 1, metadata)
	got, _ := roundTrip(t, openStore(t, Options{}), FormatArrow, schema, rec)
	if m := got[0].(arrow.RecordBatchWithMetadata).Metadata(); !m.Equal(metadata) {
		t.Errorf("a record's own metadata became %v", m)
	}
}

// TestDictionaries grows, replaces and repeats dictionaries between records.
// A file holds deltas but no replacement: that begins another segment.
func TestDictionaries(t *testing.T) {
	for name, tc := range map[string]struct {
		dictionaries [][]string
		segments     int
	}{
		"one":           {[][]string{{"a", "b"}, {"a", "b"}}, 1},
		"deltas":        {[][]string{{"a"}, {"a", "b"}, {"a", "b", "c"}}, 1},
		"replaced":      {[][]string{{"a"}, {"b"}, {"b"}, {"c", "d"}}, 3},
		"delta, then":   {[][]string{{"a"}, {"a", "b"}, {"x"}, {"x", "y"}, {"a"}}, 3},
		"shrunk":        {[][]string{{"a", "b"}, {"a"}}, 2},
		"from nothing":  {[][]string{{}, {"a"}}, 2},
		"and no values": {[][]string{{"a"}, {}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			dt := dictionary(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String).(*arrow.DictionaryType)
			schema := arrow.NewSchema([]arrow.Field{{Name: "still", Type: dt, Nullable: true}, {Name: "f", Type: dt, Nullable: true}}, nil)
			still := dictionaryOf(dt, "same")
			var records []arrow.RecordBatch
			for _, values := range tc.dictionaries {
				changing := dictionaryOf(dt, values...)
				records = append(records, array.NewRecordBatch(schema, []arrow.Array{repeat(still, changing.Len()), changing}, int64(changing.Len())))
			}
			for _, f := range []Format{FormatArrow, FormatParquet} {
				got, d := roundTrip(t, openStore(t, Options{}), f, schema, records...)
				if n := len(d.newest.Load().segments()); f == FormatArrow && n != tc.segments {
					t.Errorf("%d segments, want %d", n, tc.segments)
				}
				wantText(t, got, records)
			}
		})
	}
}

// dictionaryOf is an array that uses each of its dictionary's values, backwards.
func dictionaryOf(dt *arrow.DictionaryType, values ...string) arrow.Array {
	dict, index := array.NewStringBuilder(memory.DefaultAllocator), array.NewInt32Builder(memory.DefaultAllocator)
	for i := range values {
		dict.Append(values[i])
		index.Append(int32(len(values) - 1 - i))
	}
	index.AppendNull()
	return array.NewDictionaryArray(dt, index.NewArray(), dict.NewArray())
}

func repeat(one arrow.Array, n int) arrow.Array {
	parts := make([]arrow.Array, n)
	for i := range parts {
		parts[i] = array.NewSlice(one, 0, 1)
	}
	all, err := array.Concatenate(parts, memory.DefaultAllocator)
	if err != nil {
		panic(err)
	}
	return all
}

// wantText compares values, whatever dictionaries say them.
func wantText(t *testing.T, got, want []arrow.RecordBatch) {
	t.Helper()
	if g, w := text(got), text(want); g != w {
		t.Errorf("read %s, want %s", g, w)
	}
}

func text(records []arrow.RecordBatch) string {
	var b strings.Builder
	for _, rec := range records {
		for row := range int(rec.NumRows()) {
			for _, column := range rec.Columns() {
				b.WriteString(column.ValueStr(row) + " ")
			}
		}
	}
	return b.String()
}

// TestParquetDictionaryRowGroups reads one record over many dictionaries.
func TestParquetDictionaryRowGroups(t *testing.T) {
	dt := dictionary(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String).(*arrow.DictionaryType)
	schema := arrow.NewSchema([]arrow.Field{{Name: "f", Type: dt, Nullable: true}}, nil)
	var records []arrow.RecordBatch
	for i := range 300 {
		a := dictionaryOf(dt, fmt.Sprint("a", i), fmt.Sprint("b", i%7), strings.Repeat("c", i))
		records = append(records, array.NewRecordBatch(schema, []arrow.Array{a}, int64(a.Len())))
	}
	s := openStore(t, Options{MaxSegmentBytes: 1 << 10})
	got, _ := roundTrip(t, s, FormatParquet, schema, records...)
	wantText(t, got, records)
}

// TestSegmentsRoll cuts a long upload into several segments.
func TestSegmentsRoll(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{field(arrow.PrimitiveTypes.Int64)}, nil)
	b := array.NewInt64Builder(memory.DefaultAllocator)
	for i := range 100_000 {
		b.Append(int64(i * i))
	}
	rec := array.NewRecordBatch(schema, []arrow.Array{b.NewArray()}, 100_000)
	all := []arrow.RecordBatch{rec, rec, rec, rec}
	for _, f := range []Format{FormatArrow, FormatParquet} {
		got, d := roundTrip(t, openStore(t, Options{MaxSegmentBytes: 1_000_000}), f, schema, all...)
		wantRecords(t, schema, got, all)
		if n := len(d.newest.Load().segments()); f == FormatArrow && n != 2 {
			t.Errorf("%s: %d segments, want 2", f, n)
		}
	}
}

func TestParquetSeconds(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{field(timestamp(arrow.Second, ""))}, nil)
	b := array.NewTimestampBuilder(memory.DefaultAllocator, schema.Field(0).Type.(*arrow.TimestampType))
	b.Append(1 << 60)
	rec := array.NewRecordBatch(schema, []arrow.Array{b.NewArray()}, 1)
	w, err := openStore(t, Options{}).NewDataset(RandomID(), FormatParquet).NewWriter(schema)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), Batch{Record: rec}); !errors.Is(err, ErrUnsupportedType) {
		t.Errorf("a time that does not fit: %v", err)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMismatch(t *testing.T) {
	number := arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int64}
	nullable := arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	other := arrow.Field{Name: "m", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	wide := arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Float64, Nullable: true}
	for name, tc := range map[string]struct {
		to, from []arrow.Field
		want     string
	}{
		"equal":       {[]arrow.Field{nullable}, []arrow.Field{nullable}, ""},
		"stricter":    {[]arrow.Field{nullable}, []arrow.Field{number}, ""},
		"laxer":       {[]arrow.Field{number}, []arrow.Field{nullable}, `field "n" is nullable`},
		"other name":  {[]arrow.Field{nullable}, []arrow.Field{other}, `field "m" is in the place of "n"`},
		"other type":  {[]arrow.Field{nullable}, []arrow.Field{wide}, `field "n" is float64, want int64`},
		"one too few": {[]arrow.Field{nullable, other}, []arrow.Field{nullable}, `field "m" is missing`},
		"one more":    {[]arrow.Field{nullable}, []arrow.Field{nullable, other}, `field "m" is one too many`},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckAssignable(arrow.NewSchema(tc.to, nil), arrow.NewSchema(tc.from, nil))
			if (err == nil) != (tc.want == "") || (err != nil && (!errors.Is(err, ErrSchemaMismatch) || !strings.Contains(err.Error(), tc.want))) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}
