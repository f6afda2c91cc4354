package store

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
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
