package server

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/filter"
)

// keeper tells by what is stored of a batch's columns whether a filter may
// select any of its rows. What it refuses is never read; passed is told of its
// rows, unless it is nil.
func keeper(ctx context.Context, f *filter.Filter, schema *arrow.Schema, passed func(rows int64)) func(catalog.Stats) bool {
	return func(s catalog.Stats) bool {
		known := filter.Statistics{Rows: s.Rows, Column: func(i int) (filter.ColumnStatistics, bool) {
			if i >= len(s.Columns) {
				return filter.ColumnStatistics{}, false
			}
			c := s.Columns[i]
			return filter.ColumnStatistics{Nulls: c.Nulls, Range: rangeOf(schema.Field(i).Type, c)}, true
		}}
		if !f.Prune(ctx, known) {
			return true
		}
		if passed != nil {
			passed(s.Rows)
		}
		return false
	}
}

// rangeOf gives the bounds of a column as two values of its type; nil where it
// has none. It needs no release.
func rangeOf(t arrow.DataType, c catalog.ColumnStats) arrow.Array {
	switch t := t.(type) {
	case arrow.BinaryDataType:
		return textRange(t, c)
	case *arrow.Decimal128Type:
		if lo, hi, ok := c.Decimals(); ok {
			return valuesOf(t, arrow.Decimal128Traits.CastToBytes([]decimal128.Num{lo, hi}))
		}
		return nil
	case *arrow.Float32Type:
		if lo, hi, ok := c.Floats(); ok {
			return valuesOf(t, wholes(t, uint64(math.Float32bits(float32(lo))), uint64(math.Float32bits(float32(hi)))))
		}
		return nil
	case *arrow.Float64Type:
		if lo, hi, ok := c.Floats(); ok {
			return valuesOf(t, wholes(t, math.Float64bits(lo), math.Float64bits(hi)))
		}
		return nil
	}
	return wholeRange(t, c)
}

// wholeRange is for what is stored as whole numbers: integers, times and small
// decimals.
func wholeRange(t arrow.DataType, c catalog.ColumnStats) arrow.Array {
	fixed, ok := t.(arrow.FixedWidthDataType)
	if !ok || fixed.BitWidth() > 64 || fixed.BitWidth() < 8 { // no order is known of booleans
		return nil
	}
	if arrow.IsUnsignedInteger(t.ID()) {
		if lo, hi, ok := c.Uints(); ok {
			return valuesOf(t, wholes(fixed, lo, hi))
		}
		return nil
	}
	if lo, hi, ok := c.Ints(); ok {
		return valuesOf(t, wholes(fixed, uint64(lo), uint64(hi)))
	}
	return nil
}

// textRange is for texts and bytes, whose bounds may be cut.
func textRange(t arrow.BinaryDataType, c catalog.ColumnStats) arrow.Array {
	if c.Min == nil || c.Max == nil {
		return nil
	}
	b := array.NewBinaryBuilder(memory.DefaultAllocator, t)
	defer b.Release()
	b.Append(c.Min)
	b.Append(c.Max)
	return b.NewArray()
}

// wholes are the values of a buffer of the type's width.
func wholes(t arrow.FixedWidthDataType, lo, hi uint64) []byte {
	width := t.BitWidth() / 8
	values := binary.LittleEndian.AppendUint64(nil, lo)[:width:width]
	return append(values, binary.LittleEndian.AppendUint64(nil, hi)[:width]...)
}

func valuesOf(t arrow.DataType, values []byte) arrow.Array {
	data := array.NewData(t, 2, []*memory.Buffer{nil, memory.NewBufferBytes(values)}, nil, 0, 0)
	defer data.Release()
	return array.MakeFromData(data)
}
