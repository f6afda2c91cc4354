package filter

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// reference is a column, or a field of the structs that a column holds.
type reference struct {
	path []int
	kind arrow.DataType
}

// find gives the array that is referred to, and the structs above it. They are
// the record's.
func (r reference) find(record arrow.RecordBatch) (leaf arrow.Array, parents []*array.Struct) {
	leaf = record.Column(r.path[0])
	for _, i := range r.path[1:] {
		parent := leaf.(*array.Struct)
		parents = append(parents, parent)
		leaf = parent.Field(i)
	}
	return leaf, parents
}

// apply runs a test over the values. The caller releases the answers.
func (r reference) apply(ctx context.Context, record arrow.RecordBatch, t test) (*array.Boolean, error) {
	leaf, parents := r.find(record)
	answers, err := apply(ctx, t, leaf)
	if err != nil || len(parents) == 0 {
		return answers, err
	}
	defer answers.Release()
	return underParents(answers, parents), nil
}

// underParents makes answers about fields null where a struct above them is.
// The caller releases what it gets.
func underParents(answers *array.Boolean, parents []*array.Struct) *array.Boolean {
	n := answers.Len()
	valid := validity(answers)
	for _, p := range parents {
		above := validity(p)
		if valid != nil && above != nil {
			bitutil.BitmapAnd(valid.Bytes(), above.Bytes(), 0, 0, above.Bytes(), 0, int64(n))
		}
		if above != nil {
			valid = above
		}
	}
	bits := make([]byte, bitutil.BytesForBits(int64(n)))
	bitutil.CopyBitmap(answers.Data().Buffers()[1].Bytes(), answers.Data().Offset(), n, bits, 0)
	data := array.NewData(arrow.FixedWidthTypes.Boolean, n, []*memory.Buffer{valid, memory.NewBufferBytes(bits)}, nil, array.UnknownNullCount, 0)
	defer data.Release()
	return array.NewBooleanData(data)
}
