package integration

import (
	"maps"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// group is a table of columns of kindred types.
type group struct {
	columns  []column
	rows     int64 // of a group without columns
	metadata arrow.Metadata
	// notInJSON says that arrow-go cannot read the types from the JSON that it
	// writes itself.
	notInJSON bool
	// notSliced says that arrow-go cannot write a slice of a batch.
	notSliced bool
}

// column has the same number of rows as its neighbours, among them a null
// where the type has nulls.
type column struct {
	name     string
	dataType arrow.DataType
	values   string // as array.FromJSON reads them
	metadata arrow.Metadata
	required bool // no nulls
}

func (g group) schema() *arrow.Schema {
	fields := make([]arrow.Field, len(g.columns))
	for i, c := range g.columns {
		fields[i] = arrow.Field{Name: c.name, Type: c.dataType, Nullable: !c.required, Metadata: c.metadata}
	}
	return arrow.NewSchema(fields, &g.metadata)
}

// records are the rows whole, cut out of the middle of their buffers, none of
// them, and whole again.
func (g group) records(t *testing.T) []arrow.RecordBatch {
	t.Helper()
	rows, columns := g.rows, make([]arrow.Array, len(g.columns))
	for i, c := range g.columns {
		columns[i] = fromJSON(t, c.dataType, c.values)
		rows = int64(columns[i].Len())
	}
	whole := array.NewRecordBatch(g.schema(), columns, rows)
	if g.notSliced {
		return []arrow.RecordBatch{whole, whole}
	}
	return []arrow.RecordBatch{whole, whole.NewSlice(min(1, rows), rows), whole.NewSlice(0, 0), whole}
}

func fromJSON(t *testing.T, dataType arrow.DataType, values string) arrow.Array {
	t.Helper()
	column, _, err := array.FromJSON(memory.DefaultAllocator, dataType, strings.NewReader(values))
	if err != nil {
		t.Fatalf("%s from %s: %v", dataType, values, err)
	}
	return column
}

func groups() map[string]group {
	all := map[string]group{
		"no_columns": {rows: 5},
		"no_rows": {columns: []column{
			{name: "number", dataType: arrow.PrimitiveTypes.Int64, values: `[]`},
			{name: "text", dataType: arrow.BinaryTypes.String, values: `[]`},
			{name: "list", dataType: arrow.ListOf(arrow.PrimitiveTypes.Int8), values: `[]`},
		}},
		"metadata": metadataGroup(),
	}
	for _, more := range []map[string]group{flatGroups(), temporalGroups(), nestedGroups(), encodedGroups()} {
		maps.Copy(all, more)
	}
	return all
}

// metadataGroup has metadata wherever a schema may have some, in an order that
// is not the alphabet's.
func metadataGroup() group {
	pairs := arrow.NewMetadata([]string{"z", "a", ""}, []string{"first", "ключ", ""})
	tag := arrow.NewMetadata([]string{"iox::column::type"}, []string{"iox::column_type::tag"})
	inner := arrow.Field{Name: "inner", Type: arrow.PrimitiveTypes.Int8, Nullable: true, Metadata: tag}
	return group{
		metadata: pairs,
		columns: []column{
			{name: "tag", dataType: arrow.BinaryTypes.String, values: `["a", null, "c"]`, metadata: tag},
			{name: "required", dataType: arrow.PrimitiveTypes.Int64, values: `[1, 2, 3]`, metadata: pairs, required: true},
			{name: "", dataType: arrow.StructOf(inner), values: `[{"inner": 1}, null, {"inner": null}]`},
			{name: "list", dataType: arrow.ListOfField(inner), values: `[[1], null, []]`},
		},
	}
}

func flatGroups() map[string]group {
	return map[string]group{
		"null": {columns: []column{
			{name: "null", dataType: arrow.Null, values: `[null, null, null]`},
			{name: "list", dataType: arrow.ListOf(arrow.Null), values: `[[null, null], null, []]`},
		}},
		"primitive": {columns: []column{
			{name: "bool", dataType: arrow.FixedWidthTypes.Boolean, values: `[true, null, false]`},
			{name: "int8", dataType: arrow.PrimitiveTypes.Int8, values: `[-128, null, 127]`},
			{name: "int16", dataType: arrow.PrimitiveTypes.Int16, values: `[-32768, null, 32767]`},
			{name: "int32", dataType: arrow.PrimitiveTypes.Int32, values: `[-2147483648, null, 2147483647]`},
			{name: "int64", dataType: arrow.PrimitiveTypes.Int64, values: `[-9223372036854775808, null, 9223372036854775807]`},
			{name: "uint8", dataType: arrow.PrimitiveTypes.Uint8, values: `[0, null, 255]`},
			{name: "uint16", dataType: arrow.PrimitiveTypes.Uint16, values: `[0, null, 65535]`},
			{name: "uint32", dataType: arrow.PrimitiveTypes.Uint32, values: `[0, null, 4294967295]`},
			{name: "uint64", dataType: arrow.PrimitiveTypes.Uint64, values: `[0, null, 18446744073709551615]`},
			{name: "float32", dataType: arrow.PrimitiveTypes.Float32, values: `[1.5, null, -3.25]`},
			{name: "float64", dataType: arrow.PrimitiveTypes.Float64, values: `[1e300, null, -0.1]`},
			{name: "required", dataType: arrow.PrimitiveTypes.Int32, values: `[1, 2, 3]`, required: true},
		}},
		"float16": {columns: []column{
			{name: "float16", dataType: arrow.FixedWidthTypes.Float16, values: `[1.5, null, -2]`},
		}},
		"binary": {columns: []column{
			{name: "utf8", dataType: arrow.BinaryTypes.String, values: `["", null, "žluťoučký 🐎"]`},
			{name: "large_utf8", dataType: arrow.BinaryTypes.LargeString, values: `["", null, "žluťoučký 🐎"]`},
			{name: "binary", dataType: arrow.BinaryTypes.Binary, values: `["", null, "AP8="]`},
			{name: "large_binary", dataType: arrow.BinaryTypes.LargeBinary, values: `["", null, "AP8="]`},
			{name: "fixed", dataType: &arrow.FixedSizeBinaryType{ByteWidth: 3}, values: `["AAEC", null, "YWJj"]`},
		}},
		"view": {columns: []column{
			{name: "utf8", dataType: arrow.BinaryTypes.StringView, values: `["short", null, "longer than the twelve bytes of a view"]`},
			{name: "binary", dataType: arrow.BinaryTypes.BinaryView, values: `["AP8=", null, "bG9uZ2VyIHRoYW4gdHdlbHZlIGJ5dGVz"]`},
			{name: "list", dataType: arrow.ListOf(arrow.BinaryTypes.StringView), values: `[["short", null], null, ["longer than twelve bytes"]]`},
		}},
		"decimal": {columns: []column{
			{name: "decimal128", dataType: &arrow.Decimal128Type{Precision: 38, Scale: 2}, values: `["1.23", null, "-99999999999999999999999999.99"]`},
			{name: "decimal128 by hundreds", dataType: &arrow.Decimal128Type{Precision: 5, Scale: -2}, values: `["1200", null, "-3400"]`},
			{name: "decimal256", dataType: &arrow.Decimal256Type{Precision: 76, Scale: 2}, values: `["1.23", null, "-99999999999999999999999999999999999999999999999999.99"]`},
		}},
		"small_decimal": {notInJSON: true, columns: []column{
			{name: "decimal32", dataType: &arrow.Decimal32Type{Precision: 9, Scale: 2}, values: `["1.23", null, "-9.99"]`},
			{name: "decimal64", dataType: &arrow.Decimal64Type{Precision: 18, Scale: 2}, values: `["1.23", null, "-9.99"]`},
		}},
	}
}

func temporalGroups() map[string]group {
	var timestamps, durations []column
	for _, unit := range []arrow.TimeUnit{arrow.Second, arrow.Millisecond, arrow.Microsecond, arrow.Nanosecond} {
		timestamps = append(timestamps,
			column{name: unit.String(), dataType: &arrow.TimestampType{Unit: unit}, values: `[0, null, 1000000000]`},
			column{name: unit.String() + " in a zone", dataType: &arrow.TimestampType{Unit: unit, TimeZone: "America/New_York"}, values: `[0, null, 1000000000]`})
		durations = append(durations, column{name: unit.String(), dataType: &arrow.DurationType{Unit: unit}, values: `[0, null, -1]`})
	}
	return map[string]group{
		"timestamp": {columns: timestamps},
		"duration":  {columns: durations},
		"datetime": {columns: []column{
			{name: "date32", dataType: arrow.FixedWidthTypes.Date32, values: `["2013-01-01", null, "1582-10-15"]`},
			{name: "date64", dataType: arrow.FixedWidthTypes.Date64, values: `["2013-01-01", null, "1582-10-15"]`},
			{name: "time32s", dataType: arrow.FixedWidthTypes.Time32s, values: `["00:00:01", null, "23:59:59"]`},
			{name: "time32ms", dataType: arrow.FixedWidthTypes.Time32ms, values: `["00:00:01.001", null, "23:59:59.999"]`},
			{name: "time64us", dataType: arrow.FixedWidthTypes.Time64us, values: `["00:00:01.000001", null, "23:59:59.999999"]`},
			{name: "time64ns", dataType: arrow.FixedWidthTypes.Time64ns, values: `["00:00:01.000000001", null, "23:59:59.999999999"]`},
		}},
		"interval": {columns: []column{
			{name: "month", dataType: arrow.FixedWidthTypes.MonthInterval, values: `[{"months": 1}, null, {"months": -2}]`},
			{
				name: "day and time", dataType: arrow.FixedWidthTypes.DayTimeInterval,
				values: `[{"days": 1, "milliseconds": -2}, null, {"days": 0, "milliseconds": 3}]`,
			},
			{
				name: "month, day and nanosecond", dataType: arrow.FixedWidthTypes.MonthDayNanoInterval,
				values: `[{"months": 1, "days": -2, "nanoseconds": 3}, null, {"months": 0, "days": 0, "nanoseconds": 0}]`,
			},
		}},
	}
}

func nestedGroups() map[string]group {
	const lists = `[[], null, [1, null]]`
	item := arrow.Field{Name: "item", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	point := arrow.StructOf(item, arrow.Field{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true})
	sorted := arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64)
	sorted.KeysSorted = true
	members := []arrow.Field{item, {Name: "text", Type: arrow.BinaryTypes.String, Nullable: true}}
	codes := []arrow.UnionTypeCode{5, 7}
	const union = `[[5, 1], [7, "text"], [5, null]]`
	return map[string]group{
		"list": {columns: []column{
			{name: "list", dataType: arrow.ListOfField(item), values: lists},
			{name: "large list", dataType: arrow.LargeListOfField(item), values: lists},
			{name: "fixed size list", dataType: arrow.FixedSizeListOfField(2, item), values: `[[1, 2], null, [3, null]]`},
			{name: "lists of lists", dataType: arrow.ListOf(arrow.ListOf(arrow.BinaryTypes.String)), values: `[[["a", null], null, []], null, []]`},
		}},
		"list_view": {notSliced: true, columns: []column{
			{name: "list view", dataType: arrow.ListViewOfField(item), values: lists},
			{name: "large list view", dataType: arrow.LargeListViewOfField(item), values: lists},
		}},
		"struct": {columns: []column{
			{name: "struct", dataType: point, values: `[{"item": 1, "text": "a"}, null, {"item": null, "text": "c"}]`},
			{name: "list of structs", dataType: arrow.ListOf(point), values: `[[{"item": 1, "text": "a"}, null], null, []]`},
		}},
		"map": {columns: []column{
			{
				name: "map", dataType: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64),
				values: `[[{"key": "b", "value": 1}, {"key": "a", "value": null}], null, []]`,
			},
			{name: "sorted keys", dataType: sorted, values: `[[{"key": "a", "value": 1}], null, []]`},
		}},
		"union": {columns: []column{
			{name: "sparse", dataType: arrow.SparseUnionOf(members, codes), values: union},
			{name: "dense", dataType: arrow.DenseUnionOf(members, codes), values: union},
		}},
		"list_of_unions": {notSliced: true, columns: []column{
			{name: "sparse", dataType: arrow.ListOf(arrow.SparseUnionOf(members, codes)), values: `[[[5, 1], [7, "text"]], null, []]`},
			{name: "dense", dataType: arrow.ListOf(arrow.DenseUnionOf(members, codes)), values: `[[[5, 1], [7, "text"]], null, []]`},
		}},
	}
}

func encodedGroups() map[string]group {
	text := arrow.BinaryTypes.String
	dictionary := func(index arrow.DataType) arrow.DataType {
		return &arrow.DictionaryType{IndexType: index, ValueType: text}
	}
	const words = `["a", null, "b"]`
	small := dictionary(arrow.PrimitiveTypes.Int8)
	return map[string]group{
		"dictionary": {columns: []column{
			{name: "int8", dataType: small, values: words},
			{name: "uint8", dataType: dictionary(arrow.PrimitiveTypes.Uint8), values: words},
			{name: "int16", dataType: dictionary(arrow.PrimitiveTypes.Int16), values: words},
			{name: "int32", dataType: dictionary(arrow.PrimitiveTypes.Int32), values: words},
			{name: "int64", dataType: dictionary(arrow.PrimitiveTypes.Int64), values: words},
			{name: "numbers", dataType: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.PrimitiveTypes.Int64}, values: `[7, null, 8]`},
		}},
		"ordered_dictionary": {columns: []column{
			{name: "ordered", dataType: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: text, Ordered: true}, values: words},
		}},
		"nested_dictionary": {columns: []column{
			{name: "list", dataType: arrow.ListOf(small), values: `[["a", null], null, ["b"]]`},
			{name: "struct", dataType: arrow.StructOf(arrow.Field{Name: "d", Type: small, Nullable: true}), values: `[{"d": "a"}, null, {"d": null}]`},
		}},
		"run_end_encoded": {columns: []column{
			{name: "int16", dataType: arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int16, text), values: words},
			{name: "int32", dataType: arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Float64), values: `[1.5, 1.5, null]`},
			{name: "int64", dataType: arrow.RunEndEncodedOf(arrow.PrimitiveTypes.Int64, arrow.ListOf(text)), values: `[["a"], ["a"], null]`},
		}},
		"extension": {columns: []column{
			{name: "uuid", dataType: extensions.NewUUIDType(), values: `["00112233-4455-6677-8899-aabbccddeeff", null, "00000000-0000-0000-0000-000000000000"]`},
			{name: "bool8", dataType: extensions.NewBool8Type(), values: `[true, null, false]`},
		}},
		"unknown_extension": {columns: []column{
			{
				name: "by metadata alone", dataType: text, values: `["POINT(0 0)", null, ""]`,
				metadata: arrow.NewMetadata([]string{"ARROW:extension:name", "ARROW:extension:metadata"}, []string{"maker.geometry", `{"crs": 4326}`}),
			},
		}},
	}
}
