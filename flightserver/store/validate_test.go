package store

import (
	"math/bits"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// texts makes a column of the bits that are valid, from offsets that may be wrong.
func texts(offsets []int32, text string, valid byte) arrow.ArrayData {
	n := len(offsets) - 1
	return array.NewData(arrow.BinaryTypes.String, n, []*memory.Buffer{
		memory.NewBufferBytes([]byte{valid}),
		memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)),
		memory.NewBufferBytes([]byte(text)),
	}, nil, n-bits.OnesCount8(valid), 0)
}

func TestValidateColumn(t *testing.T) {
	offsets := memory.NewBufferBytes(arrow.Int32Traits.CastToBytes([]int32{0, 9}))
	descending := memory.NewBufferBytes(arrow.Int32Traits.CastToBytes([]int32{0, 3, 1}))
	union := arrow.DenseUnionOf([]arrow.Field{{Name: "n", Type: arrow.Null, Nullable: true}}, []arrow.UnionTypeCode{0})
	nulls := array.NewData(arrow.Null, 2, nil, nil, 2, 0)
	for name, tc := range map[string]struct {
		reason string
		data   arrow.ArrayData
		ok     bool
	}{
		"Null": {
			reason: "Nulls have no buffers.",
			data:   nulls, ok: true,
		},
		"ListOfNull": {
			reason: "What pyarrow infers from empty lists.",
			data: array.NewData(arrow.ListOf(arrow.Null), 1,
				[]*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes([]int32{0, 2}))},
				[]arrow.ArrayData{nulls}, 0, 0),
			ok: true,
		},
		"EmptyDenseUnion": {
			reason: "Without rows a decoder leaves the offsets out.",
			data: array.NewData(union, 0, []*memory.Buffer{nil, nil, nil},
				[]arrow.ArrayData{array.NewData(arrow.Null, 0, nil, nil, 0, 0)}, 0, 0),
			ok: true,
		},
		"OffsetsDescend": {
			reason: "A text would end before it begins.",
			data: array.NewData(arrow.BinaryTypes.String, 2,
				[]*memory.Buffer{nil, descending, memory.NewBufferBytes([]byte("abc"))}, nil, 0, 0),
		},
		"Texts": {
			reason: "Characters of several bytes, an empty text, and what a null hides.",
			data:   texts([]int32{0, 2, 2, 5, 6}, "\u00e9\u20acx", 0b0111), ok: true,
		},
		"LongText": {
			reason: "All bytes are looked at, many at a time.",
			data:   texts([]int32{0, 40}, strings.Repeat("a", 33)+"\xff"+strings.Repeat("a", 6), 1),
		},
		"CharacterCut": {
			reason: "The bytes are UTF-8, the two texts are not.",
			data:   texts([]int32{0, 1, 2}, "\u00e9", 0b11),
		},
		"NotUTF8": {
			reason: "A reader takes texts for UTF-8.",
			data:   texts([]int32{0, 1}, "\xff", 1),
		},
		"OffsetBeyondItsValues": {
			reason: "A list would end behind its values.",
			data:   array.NewData(arrow.ListOf(arrow.Null), 1, []*memory.Buffer{nil, offsets}, []arrow.ArrayData{nulls}, 0, 0),
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := validateColumn(array.MakeFromData(tc.data))
			if (err == nil) != tc.ok {
				t.Errorf("%s\nok: want %v, got %v", tc.reason, tc.ok, err)
			}
			if err != nil && strings.Contains(err.Error(), "runtime error") {
				t.Errorf("Go's words mean nothing to a client: %v", err)
			}
		})
	}
}

// TestTextsNotUTF8 has one byte that is wrong, anywhere in texts of any length.
func TestTextsNotUTF8(t *testing.T) {
	for _, text := range []string{strings.Repeat("a", 80), strings.Repeat("\u00e9\u20ac", 16)} {
		offsets := []int32{0, 20, int32(len(text))}
		if err := validateColumn(array.MakeFromData(texts(offsets, text, 0b11))); err != nil {
			t.Errorf("%q is refused: %v", text, err)
		}
		for i := range text {
			wrong := text[:i] + "\xff" + text[i+1:]
			if err := validateColumn(array.MakeFromData(texts(offsets, wrong, 0b11))); err == nil {
				t.Errorf("%q passes", wrong)
			}
		}
	}
}
