package store

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// TestFloatBounds compares with the bounds that sorting finds.
func TestFloatBounds(t *testing.T) {
	odd := []float64{math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), math.MaxFloat64, -math.SmallestNonzeroFloat64}
	random := rand.New(rand.NewPCG(1, 2))
	for n := 1; n < 40; n++ {
		values := make([]float64, n)
		singles := make([]float32, n)
		for i := range values {
			values[i] = random.NormFloat64() * 1e6
			if random.IntN(4) == 0 {
				values[i] = odd[random.IntN(len(odd))]
			}
			singles[i] = float32(values[i])
		}
		check := func(s ColumnStats, want []float64) {
			t.Helper()
			if lo, hi, ok := s.Floats(); !ok || lo != slices.Min(want) || hi != slices.Max(want) {
				t.Errorf("bounds of %v are %v and %v, %v", want, lo, hi, ok)
			}
		}
		check(columnStats(floats64(values)), values)
		widened := make([]float64, n)
		for i, v := range singles {
			widened[i] = float64(v)
		}
		check(columnStats(floats32(singles)), widened)

		values[random.IntN(n)] = math.Copysign(math.NaN(), float64(n%2)-0.5)
		if s := columnStats(floats64(values)); s.Min != nil || s.Max != nil {
			t.Errorf("bounds beside a NaN are %x and %x", s.Min, s.Max)
		}
	}
}

func floats64(values []float64) arrow.Array {
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	b.AppendValues(values, nil)
	return b.NewArray()
}

func floats32(values []float32) arrow.Array {
	b := array.NewFloat32Builder(memory.DefaultAllocator)
	b.AppendValues(values, nil)
	return b.NewArray()
}

// TestTextBounds has texts that share their first bytes, end with zeros, are
// empty, and stand at the very end of the memory.
func TestTextBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		var texts [][]byte
		b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
		for range 1 + random.IntN(6) {
			text := make([]byte, random.IntN(12))
			for i := range text {
				text[i] = [...]byte{0, 1, 'a', 0xff}[random.IntN(4)]
			}
			texts = append(texts, text)
			b.Append(text)
		}
		s := columnStats(b.NewArray())
		slices.SortFunc(texts, bytes.Compare)
		if least, most := texts[0], texts[len(texts)-1]; !bytes.Equal(s.Min, least) || !bytes.Equal(s.Max, most) {
			t.Errorf("bounds of %x are %x and %x", texts, s.Min, s.Max)
		}
	}
}

// TestBounds compares with the least and the most of the values' sorted forms,
// in slices of columns with nulls. The bytes of the values are often those of
// zeros, of NaN, and of the ends of each type.
func TestBounds(t *testing.T) {
	for _, tc := range []struct {
		column arrow.DataType
		sorted func(a arrow.Array, i int) []byte
	}{
		{arrow.PrimitiveTypes.Int8, func(a arrow.Array, i int) []byte { return sortedInt(int64(a.(*array.Int8).Value(i))) }},
		{arrow.PrimitiveTypes.Int64, func(a arrow.Array, i int) []byte { return sortedInt(a.(*array.Int64).Value(i)) }},
		{arrow.PrimitiveTypes.Uint16, func(a arrow.Array, i int) []byte { return sortedUint(uint64(a.(*array.Uint16).Value(i))) }},
		{arrow.PrimitiveTypes.Uint64, func(a arrow.Array, i int) []byte { return sortedUint(a.(*array.Uint64).Value(i)) }},
		{arrow.PrimitiveTypes.Float32, func(a arrow.Array, i int) []byte { return sortedUnlessNaN(float64(a.(*array.Float32).Value(i))) }},
		{arrow.PrimitiveTypes.Float64, func(a arrow.Array, i int) []byte { return sortedUnlessNaN(a.(*array.Float64).Value(i)) }},
		{&arrow.Decimal128Type{Precision: 38}, func(a arrow.Array, i int) []byte { return sortedDecimal(a.(*array.Decimal128).Value(i)) }},
		{arrow.FixedWidthTypes.Boolean, func(a arrow.Array, i int) []byte {
			if a.(*array.Boolean).Value(i) {
				return sortedUint(1)
			}
			return sortedUint(0)
		}},
	} {
		t.Run(tc.column.Name(), func(t *testing.T) {
			random := rand.New(rand.NewPCG(5, 6))
			for range 500 {
				a := randomColumn(tc.column, random)
				checkBounds(t, a, func(i int) []byte { return tc.sorted(a, i) })
			}
		})
	}
}

// sortedUnlessNaN gives nil, which no bound is compared with, for NaN.
func sortedUnlessNaN(v float64) []byte {
	if math.IsNaN(v) {
		return nil
	}
	return sortedFloat(v)
}

func checkBounds(t *testing.T, a arrow.Array, sorted func(i int) []byte) {
	t.Helper()
	var values [][]byte
	for i := range a.Len() {
		if a.IsValid(i) {
			values = append(values, sorted(i))
		}
	}
	slices.SortFunc(values, bytes.Compare) // nil is the first of all
	var lo, hi []byte
	if len(values) > 0 && values[0] != nil {
		lo, hi = values[0], values[len(values)-1]
	}
	if s := columnStats(a); !bytes.Equal(s.Min, lo) || !bytes.Equal(s.Max, hi) || int(s.Nulls) != a.Len()-len(values) {
		t.Errorf("bounds of %v are %x and %x beside %d nulls, want %x and %x", a, s.Min, s.Max, s.Nulls, lo, hi)
	}
}

// randomColumn is a slice of a column of fixed width.
func randomColumn(column arrow.DataType, random *rand.Rand) arrow.Array {
	n, offset := random.IntN(300), random.IntN(70)
	width := column.(arrow.FixedWidthDataType).BitWidth()
	content := make([]byte, (offset+n)*width/8+1)
	repeated := random.IntN(2) == 0
	for i := range content {
		content[i] = [...]byte{0, 0x80, 0xff, 0x7f, byte(random.Uint32())}[random.IntN(5)]
		if repeated && i > width/8 && random.IntN(4) > 0 {
			content[i] = content[i-max(1, width/8)]
		}
	}
	nulls, bits := randomValidity(offset, n, random)
	return array.MakeFromData(array.NewData(column, n, []*memory.Buffer{bits, memory.NewBufferBytes(content)}, nil, nulls, offset))
}

// randomValidity has from no nulls to nothing but nulls, and no byte too many.
func randomValidity(offset, n int, random *rand.Rand) (nulls int, valid *memory.Buffer) {
	content := make([]byte, bitutil.BytesForBits(int64(offset+n)))
	share := random.IntN(5)
	for i := range offset + n {
		bitutil.SetBitTo(content, i, random.IntN(4) >= share)
	}
	return n - bitutil.CountSetBits(content, offset, n), memory.NewBufferBytes(content)
}

// TestTextBoundsOfSlices has nulls that hide a text.
func TestTextBoundsOfSlices(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		n, offset := random.IntN(200), random.IntN(70)
		offsets, text := []int32{0}, []byte{}
		longest := []int{1, 8, 12, maxBoundBytes + 10}[random.IntN(4)]
		for range offset + n {
			for range random.IntN(longest + 1) {
				text = append(text, [...]byte{0, 'a', 'a', 0xff}[random.IntN(4)])
			}
			offsets = append(offsets, int32(len(text)))
		}
		nulls, valid := randomValidity(offset, n, random)
		a := array.NewBinaryData(array.NewData(arrow.BinaryTypes.Binary, n, []*memory.Buffer{
			valid, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(text),
		}, nil, nulls, offset))
		var texts [][]byte
		for i := range n {
			if a.IsValid(i) {
				texts = append(texts, a.Value(i))
			}
		}
		slices.SortFunc(texts, bytes.Compare)
		var lo, hi []byte
		if len(texts) > 0 {
			lo, hi = lowerText(texts[0]), upperText(texts[len(texts)-1])
		}
		if s := columnStats(a); !bytes.Equal(s.Min, lo) || !bytes.Equal(s.Max, hi) {
			t.Errorf("bounds of %x are %x and %x", texts, s.Min, s.Max)
		}
	}
}
