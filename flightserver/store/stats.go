package store

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// Stats tell what a message, or a whole segment, can contain, so that a reader
// may pass it over.
type Stats struct {
	Rows    int64
	Columns []ColumnStats // in the schema's order; none where they were not computed
}

// ColumnStats bound the values of a column. Bounds stand in a form that sorts by
// its bytes, which the methods read.
type ColumnStats struct { //nolint:recvcheck // join alone changes it
	Nulls int64
	// Min and Max are nil where no bound is known: no value is above or below
	// all others where one is NaN, and nested values have no order.
	Min, Max []byte
}

// sortedBytes are what numbers take in sorted form, whatever their width was.
const sortedBytes = 8

// Ints gives the bounds of signed integers, dates, times, timestamps, durations
// and decimals of 64 bits and less, as they are stored.
func (c ColumnStats) Ints() (lo, hi int64, ok bool) {
	if !c.numeric() {
		return 0, 0, false
	}
	return int64(c.sorted(c.Min) ^ signBit), int64(c.sorted(c.Max) ^ signBit), true
}

// Uints gives the bounds of unsigned integers, and of booleans as 0 and 1.
func (c ColumnStats) Uints() (lo, hi uint64, ok bool) {
	if !c.numeric() {
		return 0, 0, false
	}
	return c.sorted(c.Min), c.sorted(c.Max), true
}

// Floats gives the bounds of floating-point numbers, none of which is NaN.
func (c ColumnStats) Floats() (lo, hi float64, ok bool) {
	if !c.numeric() {
		return 0, 0, false
	}
	return floatOf(c.sorted(c.Min)), floatOf(c.sorted(c.Max)), true
}

// Decimals gives the bounds of decimals of 128 bits.
func (c ColumnStats) Decimals() (lo, hi decimal128.Num, ok bool) {
	if len(c.Min) != 2*sortedBytes || len(c.Max) != 2*sortedBytes {
		return lo, hi, false
	}
	return decimalOf(c.Min), decimalOf(c.Max), true
}

func (c ColumnStats) numeric() bool {
	return len(c.Min) == sortedBytes && len(c.Max) == sortedBytes
}

func (c ColumnStats) sorted(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// join widens the bounds by those of another message with that many values
// besides its nulls. A bound that one lacks neither has.
func (c *ColumnStats) join(o ColumnStats, values int64, first bool) {
	c.Nulls += o.Nulls
	switch {
	case values == 0: // nothing but nulls lies within any bounds
	case first:
		c.Min, c.Max = o.Min, o.Max
	default:
		if o.Min == nil || (c.Min != nil && bytes.Compare(o.Min, c.Min) < 0) {
			c.Min = o.Min
		}
		if o.Max == nil || (c.Max != nil && bytes.Compare(o.Max, c.Max) > 0) {
			c.Max = o.Max
		}
	}
}

// maxStatsColumns keeps the index of a very wide table small.
const maxStatsColumns = 1024

// statsOf looks at every value.
func statsOf(rec arrow.RecordBatch) Stats {
	s := Stats{Rows: rec.NumRows()}
	if rec.NumCols() > maxStatsColumns {
		return s
	}
	s.Columns = make([]ColumnStats, rec.NumCols())
	for i, column := range rec.Columns() {
		s.Columns[i] = columnStats(column)
	}
	return s
}

const signBit = 1 << 63

func sortedUint(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

func sortedInt(v int64) []byte { return sortedUint(uint64(v) ^ signBit) }

// sortedFloat turns the order of negative numbers round, whose bits grow with
// their size.
func sortedFloat(v float64) []byte {
	b := math.Float64bits(v)
	if b&signBit != 0 {
		return sortedUint(^b)
	}
	return sortedUint(b | signBit)
}

func floatOf(sorted uint64) float64 {
	if sorted&signBit != 0 {
		return math.Float64frombits(sorted &^ signBit)
	}
	return math.Float64frombits(^sorted)
}

func sortedDecimal(v decimal128.Num) []byte {
	return binary.BigEndian.AppendUint64(sortedInt(v.HighBits()), v.LowBits())
}

func decimalOf(b []byte) decimal128.Num {
	high := int64(binary.BigEndian.Uint64(b) ^ signBit)
	return decimal128.New(high, binary.BigEndian.Uint64(b[sortedBytes:]))
}

// maxBoundBytes is how much of a text a bound has.
const maxBoundBytes = 64

// lowerText is a text that none of those above v is below.
func lowerText(v []byte) []byte {
	return append(make([]byte, 0, maxBoundBytes), v[:min(len(v), maxBoundBytes)]...)
}

// upperText is the least text of the allowed length that is not below v; nil
// where there is none.
func upperText(v []byte) []byte {
	bound := lowerText(v)
	if len(v) <= maxBoundBytes {
		return bound
	}
	for len(bound) > 0 {
		last := len(bound) - 1
		if bound[last] < math.MaxUint8 {
			bound[last]++
			return bound
		}
		bound = bound[:last]
	}
	return nil
}
