package store

import (
	"bytes"
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
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
	least, most := extremes(a, values, extremesOf)
	return sortedInt(int64(least)), sortedInt(int64(most))
}

func uintBounds[T unsigned](a arrow.Array, values []T) (lo, hi []byte) {
	least, most := extremes(a, values, extremesOf)
	return sortedUint(uint64(least)), sortedUint(uint64(most))
}

// extremes needs a value that is not null. It asks for those of groups, none of
// which is empty.
func extremes[T signed | unsigned](a arrow.Array, values []T, of func([]T) (least, most T)) (least, most T) {
	first := true
	for group := range validGroups(a, values) {
		lo, hi := of(group)
		if first {
			least, most, first = lo, hi, false
			continue
		}
		least, most = min(least, lo), max(most, hi)
	}
	return least, most
}

// extremesOf keeps four chains of comparisons, which a processor follows at the
// same time. They are variables, since the compiler keeps arrays in memory.
func extremesOf[T signed | unsigned](values []T) (least, most T) {
	lo, hi := values[0], values[0]
	lo1, lo2, lo3, hi1, hi2, hi3 := lo, lo, lo, hi, hi, hi
	for len(values) >= 4 {
		a, b, c, d := values[0], values[1], values[2], values[3]
		lo, hi = min(lo, a), max(hi, a)
		lo1, hi1 = min(lo1, b), max(hi1, b)
		lo2, hi2 = min(lo2, c), max(hi2, c)
		lo3, hi3 = min(lo3, d), max(hi3, d)
		values = values[4:]
	}
	for _, v := range values {
		lo, hi = min(lo, v), max(hi, v)
	}
	return min(lo, lo1, lo2, lo3), max(hi, hi1, hi2, hi3)
}

// floatBounds gives none where a value is NaN. Its values are the bits of the
// floating-point numbers.
func floatBounds[T int32 | int64](a arrow.Array, values []T, value func(T) float64) (lo, hi []byte) {
	least, most := extremes(a, values, floatExtremes)
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
	lo := floatOrder(values[0])
	hi := lo
	lo1, lo2, lo3, hi1, hi2, hi3 := lo, lo, lo, hi, hi, hi
	for len(values) >= 4 {
		a, b, c, d := floatOrder(values[0]), floatOrder(values[1]), floatOrder(values[2]), floatOrder(values[3])
		lo, hi = min(lo, a), max(hi, a)
		lo1, hi1 = min(lo1, b), max(hi1, b)
		lo2, hi2 = min(lo2, c), max(hi2, c)
		lo3, hi3 = min(lo3, d), max(hi3, d)
		values = values[4:]
	}
	for _, v := range values {
		v = floatOrder(v)
		lo, hi = min(lo, v), max(hi, v)
	}
	return min(lo, lo1, lo2, lo3), max(hi, hi1, hi2, hi3)
}

func boolBounds(a *array.Boolean) (lo, hi []byte) {
	valid, values := validityOf(a), bitmap{a.Data().Buffers()[1].Bytes(), a.Data().Offset(), a.Len()}
	var yes, no uint64
	for i := 0; i < a.Len() && (yes == 0 || no == 0); i += groupValues {
		yes |= valid.word(i) & values.word(i)
		no |= valid.word(i) &^ values.word(i)
	}
	lo, hi = sortedUint(0), sortedUint(1)
	if no == 0 {
		lo = hi
	}
	if yes == 0 {
		hi = lo
	}
	return lo, hi
}

func decimalBounds(a *array.Decimal128) (lo, hi []byte) {
	first := true
	var least, most decimal128.Num
	for group := range validGroups(a, a.Values()) {
		for _, v := range group {
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

func textBounds[T int32 | int64](a arrow.Array, offsets []T, text []byte) (lo, hi []byte) {
	b := textRange[T]{text: text, base: offsets[0], leastKey: math.MaxUint64}
	valid := validityOf(a)
	for i := 0; i < a.Len(); i += groupValues {
		b.add(offsets[i:min(i+groupValues, a.Len())+1], valid.word(i))
	}
	return lowerText(b.least), upperText(b.most)
}

// textRange is what the texts of a column lie between. A comparison of each text
// with the least so far would take two to three times as long where few texts
// repeat, or nulls are scattered.
type textRange[T int32 | int64] struct {
	text []byte
	base T // the offset of its first byte

	least, most       []byte // nil where there was none yet
	leastKey, mostKey uint64

	all, picked [groupValues]uint64 // room for keys
}

// add takes the texts between offsets, groupValues at most, whose bits are set.
// It looks at their keys all at once, which has no branch that texts of random
// order mislead, and at each only where the least or the most may be among them.
func (r *textRange[T]) add(offsets []T, valid uint64) {
	all := r.all[:len(offsets)-1]
	r.keys(all, offsets)
	keys := pick(&r.picked, all, valid)
	if len(keys) == 0 {
		return
	}
	least, most := extremesOf(keys)
	if least < r.leastKey || most > r.mostKey ||
		(least == r.leastKey && !isWhole(least)) || (most == r.mostKey && !isWhole(most)) {
		r.compare(offsets, all, valid)
	}
}

// keys gives the key of each text between offsets. It reads what follows a text
// and masks it away: a copy of the text alone would take longer.
func (r *textRange[T]) keys(keys []uint64, offsets []T) {
	text, at := r.text, int(offsets[0]-r.base)
	for i := range keys {
		length := int(offsets[i+1] - offsets[i])
		more := length - (keyTextBytes + 1)
		n := keyTextBytes + 1 + more&(more>>63) // min, which the compiler makes a branch of
		if at+sortedBytes <= len(text) {
			keys[i] = binary.BigEndian.Uint64(text[at:at+sortedBytes])&keyMasks[n] | uint64(n)
		} else {
			keys[i] = lastKey(text[at : at+n])
		}
		at += length
	}
}

// compare looks at each text, and its key.
func (r *textRange[T]) compare(offsets []T, keys []uint64, valid uint64) {
	for i, k := range keys {
		if valid>>i&1 == 0 {
			continue
		}
		v := r.text[offsets[i]-r.base : offsets[i+1]-r.base]
		if r.least == nil || k < r.leastKey || (k == r.leastKey && bytes.Compare(v, r.least) < 0) {
			r.least, r.leastKey = v, k
		}
		if r.most == nil || k > r.mostKey || (k == r.mostKey && bytes.Compare(v, r.most) > 0) {
			r.most, r.mostKey = v, k
		}
	}
}

// keyTextBytes of a text are in its key, padded with zeros, and before the last
// byte, which has the length; what is longer has the same one. A key sorts as its
// text does.
const keyTextBytes = 7

// lastKey is the key of a text that less than sortedBytes are left of.
func lastKey(text []byte) uint64 {
	var padded [sortedBytes]byte
	copy(padded[:keyTextBytes], text)
	return binary.BigEndian.Uint64(padded[:]) | uint64(len(text))
}

// keyMasks has the bytes that a text of so many bytes gives to its key.
var keyMasks = [keyTextBytes + 2]uint64{
	0,
	0xff00_0000_0000_0000,
	0xffff_0000_0000_0000,
	0xffff_ff00_0000_0000,
	0xffff_ffff_0000_0000,
	0xffff_ffff_ff00_0000,
	0xffff_ffff_ffff_0000,
	0xffff_ffff_ffff_ff00,
	0xffff_ffff_ffff_ff00,
}

// isWhole tells whether a key has the whole text.
func isWhole(key uint64) bool { return key&math.MaxUint8 <= keyTextBytes }
