package tables

import (
	"math"
	"math/rand/v2"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// column appends a value for a row.
type column struct {
	field arrow.Field
	fill  func(b array.Builder, random *rand.Rand, row int)
}

// 65,536 rows of either kind have a body below 3.5 MiB: stock Go clients take
// a batch whole, whichever server sends it.
var kinds = map[Kind][]column{
	Numeric: {
		{required("id", arrow.PrimitiveTypes.Int64), fillID},
		{required("count", arrow.PrimitiveTypes.Int64), fillCount},
		{required("zone", arrow.PrimitiveTypes.Int32), fillZone},
		{required("vendor", arrow.PrimitiveTypes.Int32), fillZone},
		{required("distance", arrow.PrimitiveTypes.Float64), fillFloat64},
		{required("fare", arrow.PrimitiveTypes.Float64), fillFloat64},
		{required("tip", arrow.PrimitiveTypes.Float32), fillFloat32},
		{required("toll", arrow.PrimitiveTypes.Float32), fillFloat32},
	},
	Mixed: {
		{required("id", arrow.PrimitiveTypes.Int64), fillID},
		{optional("zone", arrow.PrimitiveTypes.Int32), fillZone},
		{required("passengers", arrow.PrimitiveTypes.Int16), fillInt16},
		{optional("fare", arrow.PrimitiveTypes.Float64), fillFloat64},
		{required("tip", arrow.PrimitiveTypes.Float32), fillFloat32},
		{optional("carrier", arrow.BinaryTypes.String), fillCarrier},
		{required("tail", arrow.BinaryTypes.String), fillTail},
		{required("shared", arrow.FixedWidthTypes.Boolean), fillBool},
		{optional("paid", arrow.FixedWidthTypes.Boolean), fillBool},
		{required("pickup", arrow.FixedWidthTypes.Timestamp_us), fillTimestamp},
	},
}

func required(name string, t arrow.DataType) arrow.Field { return arrow.Field{Name: name, Type: t} }

func optional(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

func fillID(b array.Builder, _ *rand.Rand, row int) { b.(*array.Int64Builder).Append(int64(row)) }

func fillCount(b array.Builder, random *rand.Rand, _ int) {
	b.(*array.Int64Builder).Append(random.Int64N(1 << 20))
}

func fillZone(b array.Builder, random *rand.Rand, _ int) {
	b.(*array.Int32Builder).Append(random.Int32N(263))
}

func fillInt16(b array.Builder, random *rand.Rand, _ int) {
	b.(*array.Int16Builder).Append(int16(random.IntN(7)))
}

func fillFloat64(b array.Builder, random *rand.Rand, _ int) {
	b.(*array.Float64Builder).Append(math.Round(random.ExpFloat64()*1000) / 100)
}

func fillFloat32(b array.Builder, random *rand.Rand, _ int) {
	b.(*array.Float32Builder).Append(float32(random.IntN(4000)) / 100)
}

func fillCarrier(b array.Builder, random *rand.Rand, _ int) {
	carriers := [...]string{"UA", "AA", "Delta", "JetBlue", "US", "Alaska"}
	b.(*array.StringBuilder).Append(carriers[random.IntN(len(carriers))])
}

func fillTail(b array.Builder, random *rand.Rand, _ int) {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
	tail := []byte("N00000")
	for i := range tail[1:] {
		tail[i+1] = letters[random.IntN(len(letters))]
	}
	b.(*array.StringBuilder).Append(string(tail))
}

func fillBool(b array.Builder, random *rand.Rand, _ int) {
	b.(*array.BooleanBuilder).Append(random.IntN(2) == 0)
}

func fillTimestamp(b array.Builder, _ *rand.Rand, row int) {
	const start, step = 1_356_998_400_000_000, 250_000 // 2013-01-01, four rows a second
	b.(*array.TimestampBuilder).Append(arrow.Timestamp(start + int64(row)*step))
}
