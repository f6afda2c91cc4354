package store

import (
	"bytes"
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// columnStats looks at each value of a column that is not null.
func columnStats(a arrow.Array) ColumnStats {
	s := ColumnStats{Nulls: int64(a.NullN())}
	if a.Len() > a.NullN() {
		s.Min, s.Max = bounds(a)
	}
	return s
}

func bounds(a arrow.Array) (lo, hi []byte) {
	switch a := a.(type) {
	case *array.Int8:
		return intBounds(a, a.Int8Values())
	case *array.Int16:
		return intBounds(a, a.Int16Values())
	case *array.Int32:
		return intBounds(a, a.Int32Values())
	case *array.Int64:
		return intBounds(a, a.Int64Values())
	case *array.Uint8:
		return uintBounds(a, a.Uint8Values())
	case *array.Uint16:
		return uintBounds(a, a.Uint16Values())
	case *array.Uint32:
		return uintBounds(a, a.Uint32Values())
	case *array.Uint64:
		return uintBounds(a, a.Uint64Values())
	case *array.Float32:
		return floatBounds(a, arrow.Int32Traits.CastFromBytes(arrow.Float32Traits.CastToBytes(a.Float32Values())),
			func(bits int32) float64 { return float64(math.Float32frombits(uint32(bits))) })
	case *array.Float64:
		return floatBounds(a, arrow.Int64Traits.CastFromBytes(arrow.Float64Traits.CastToBytes(a.Float64Values())),
			func(bits int64) float64 { return math.Float64frombits(uint64(bits)) })
	}
	return otherBounds(a)
}

func otherBounds(a arrow.Array) (lo, hi []byte) {
	switch a := a.(type) {
	case *array.Boolean:
		return boolBounds(a)
	case *array.Date32:
		return intBounds(a, a.Date32Values())
	case *array.Date64:
		return intBounds(a, a.Date64Values())
	case *array.Time32:
		return intBounds(a, a.Time32Values())
	case *array.Time64:
		return intBounds(a, a.Time64Values())
	case *array.Timestamp:
		return intBounds(a, a.TimestampValues())
	case *array.Duration:
		return intBounds(a, a.DurationValues())
	case *array.Decimal32:
		return intBounds(a, a.Values())
	case *array.Decimal64:
		return intBounds(a, a.Values())
	case *array.Decimal128:
		return decimalBounds(a)
	case *array.String:
		return textBounds(a, a.ValueOffsets(), a.ValueBytes())
	case *array.Binary:
		return textBounds(a, a.ValueOffsets(), a.ValueBytes())
	case *array.LargeString:
		return textBounds(a, a.ValueOffsets(), a.ValueBytes())
	case *array.LargeBinary:
		return textBounds(a, a.ValueOffsets(), a.ValueBytes())
	}
	return nil, nil
}

type signed interface {
	~int8 | ~int16 | ~int32 | ~int64
}

type unsigned interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64
}

func intBounds[T signed](a arrow.Array, values []T) (lo, hi []byte) {
	least, most := extremes(a, values)
	return sortedInt(int64(least)), sortedInt(int64(most))
}

func uintBounds[T unsigned](a arrow.Array, values []T) (lo, hi []byte) {
	least, most := extremes(a, values)
	return sortedUint(uint64(least)), sortedUint(uint64(most))
}

// extremes needs a value that is not null.
func extremes[T signed | unsigned](a arrow.Array, values []T) (least, most T) {
	first := true
	for from, to := range validRuns(a) {
		lo, hi := extremesOf(values[from:to])
		if first {
			least, most, first = lo, hi, false
			continue
		}
		least, most = min(least, lo), max(most, hi)
	}
	return least, most
}

// extremesOf keeps four chains of comparisons, which a processor follows at the
// same time.
func extremesOf[T signed | unsigned](values []T) (least, most T) {
	lo := [4]T{values[0], values[0], values[0], values[0]}
	hi := lo
	for len(values) >= len(lo) {
		v := values[:4:4]
		lo[0], hi[0] = min(lo[0], v[0]), max(hi[0], v[0])
		lo[1], hi[1] = min(lo[1], v[1]), max(hi[1], v[1])
		lo[2], hi[2] = min(lo[2], v[2]), max(hi[2], v[2])
		lo[3], hi[3] = min(lo[3], v[3]), max(hi[3], v[3])
		values = values[4:] //nolint:revive // what is left
	}
	for _, v := range values {
		lo[0], hi[0] = min(lo[0], v), max(hi[0], v)
	}
	return min(lo[0], lo[1], lo[2], lo[3]), max(hi[0], hi[1], hi[2], hi[3])
}

// floatBounds gives none where a value is NaN. Its values are the bits of the
// floating-point numbers.
func floatBounds[T int32 | int64](a arrow.Array, values []T, value func(T) float64) (lo, hi []byte) {
	first := true
	var least, most T
	for from, to := range validRuns(a) {
		l, m := floatExtremes(values[from:to])
		if first {
			least, most, first = l, m, false
			continue
		}
		least, most = min(least, l), max(most, m)
	}
	l, m := value(floatOrder(least)), value(floatOrder(most))
	if math.IsNaN(l) || math.IsNaN(m) {
		return nil, nil
	}
	return sortedFloat(l), sortedFloat(m)
}

// floatOrder turns the bits of a floating-point number into an integer that
// sorts like it, with NaN at both ends, and back.
func floatOrder[T int32 | int64](bits T) T {
	return bits ^ (bits >> (unsafe.Sizeof(bits)*8 - 1) & ^(T(-1) << (unsafe.Sizeof(bits)*8 - 1)))
}

// floatExtremes compares as extremesOf does.
func floatExtremes[T int32 | int64](values []T) (least, most T) {
	first := floatOrder(values[0])
	lo := [4]T{first, first, first, first}
	hi := lo
	for len(values) >= len(lo) {
		v := values[:4:4]
		a, b, c, d := floatOrder(v[0]), floatOrder(v[1]), floatOrder(v[2]), floatOrder(v[3])
		lo[0], hi[0] = min(lo[0], a), max(hi[0], a)
		lo[1], hi[1] = min(lo[1], b), max(hi[1], b)
		lo[2], hi[2] = min(lo[2], c), max(hi[2], c)
		lo[3], hi[3] = min(lo[3], d), max(hi[3], d)
		values = values[4:] //nolint:revive // what is left
	}
	for _, v := range values {
		lo[0], hi[0] = min(lo[0], floatOrder(v)), max(hi[0], floatOrder(v))
	}
	return min(lo[0], lo[1], lo[2], lo[3]), max(hi[0], hi[1], hi[2], hi[3])
}

func boolBounds(a *array.Boolean) (lo, hi []byte) {
	var seen [2]bool
	for from, to := range validRuns(a) {
		for i := from; i < to && (!seen[0] || !seen[1]); i++ {
			if a.Value(i) {
				seen[1] = true
			} else {
				seen[0] = true
			}
		}
	}
	lo, hi = sortedUint(0), sortedUint(1)
	if !seen[0] {
		lo = hi
	}
	if !seen[1] {
		hi = lo
	}
	return lo, hi
}

func decimalBounds(a *array.Decimal128) (lo, hi []byte) {
	first := true
	var least, most decimal128.Num
	for from, to := range validRuns(a) {
		for _, v := range a.Values()[from:to] {
			if first || v.Less(least) {
				least = v
			}
			if first || most.Less(v) {
				most = v
			}
			first = false
		}
	}
	return sortedDecimal(least), sortedDecimal(most)
}

// textBounds compares the first eight bytes of most texts, as a number.
func textBounds[T int32 | int64](a arrow.Array, offsets []T, text []byte) (lo, hi []byte) {
	base := offsets[0]
	var least, most []byte
	leastKey, mostKey := uint64(math.MaxUint64), uint64(0)
	for from, to := range validRuns(a) {
		start := offsets[from] - base
		for _, end := range offsets[from+1 : to+1] {
			end -= base
			v := text[start:end]
			start = end
			k := textKey(v)
			if k < leastKey || (k == leastKey && (least == nil || bytes.Compare(v, least) < 0)) {
				least, leastKey = v[:len(v):len(v)], k
			}
			if k > mostKey || (k == mostKey && (most == nil || bytes.Compare(v, most) > 0)) {
				most, mostKey = v[:len(v):len(v)], k
			}
		}
	}
	return lowerText(least), upperText(most)
}

// textKey pads a short text with zeros. What follows it in memory, if it is
// known to be there, is read and masked away: a copy would take longer.
func textKey(v []byte) uint64 {
	if cap(v) < sortedBytes {
		var padded [sortedBytes]byte
		copy(padded[:], v)
		return binary.BigEndian.Uint64(padded[:])
	}
	k := binary.BigEndian.Uint64(v[:sortedBytes])
	if missing := sortedBytes - len(v); missing > 0 {
		k &= math.MaxUint64 << (8 * missing)
	}
	return k
}

// validRuns gives the ranges of values that are not null.
func validRuns(a arrow.Array) func(yield func(from, to int) bool) {
	return func(yield func(from, to int) bool) {
		if a.NullN() == 0 {
			yield(0, a.Len())
			return
		}
		bitmap, offset, n := a.NullBitmapBytes(), a.Data().Offset(), a.Len()
		for from := skipBits(bitmap, offset, 0, n, 0x00); from < n; {
			to := skipBits(bitmap, offset, from, n, 0xff)
			if !yield(from, to) {
				return
			}
			from = skipBits(bitmap, offset, to, n, 0x00)
		}
	}
}

// skipBits gives the first position from i on whose bit is not that of the
// pattern, in which all are alike.
func skipBits(bitmap []byte, offset, i, n int, pattern byte) int {
	want := pattern != 0
	for i < n {
		at := offset + i
		if at%8 == 0 && n-i >= 8 && bitmap[at/8] == pattern {
			i += 8 //nolint:revive // it is the cursor
			continue
		}
		if bitutil.BitIsSet(bitmap, at) != want {
			return i
		}
		i++
	}
	return n
}
