package filter

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"
)

// test is a question to each value of an array.
type test interface {
	// run answers null for a null. The caller releases the answers.
	run(ctx context.Context, values arrow.Array) (*array.Boolean, error)
	// outcomes of values between the first and the last of an array of two;
	// nil: of any.
	outcomes(ctx context.Context, between arrow.Array) outcome
}

// constant answers the same for every value.
type constant bool

func (c constant) run(_ context.Context, values arrow.Array) (*array.Boolean, error) {
	n := values.Len()
	bits := memory.NewBufferBytes(make([]byte, bitutil.BytesForBits(int64(n))))
	bitutil.SetBitsTo(bits.Bytes(), 0, int64(n), bool(c))
	validity := validity(values)
	data := array.NewData(arrow.FixedWidthTypes.Boolean, n, []*memory.Buffer{validity, bits}, nil, values.NullN(), 0)
	defer data.Release()
	return array.NewBooleanData(data), nil
}

// validity is a bitmap of an array's own; nil where nothing is null.
func validity(values arrow.Array) *memory.Buffer {
	if values.NullN() == 0 {
		return nil
	}
	n := values.Len()
	bits := make([]byte, bitutil.BytesForBits(int64(n)))
	if from := values.NullBitmapBytes(); len(from) > 0 {
		bitutil.CopyBitmap(from, values.Data().Offset(), n, bits, 0)
	} // else everything is null
	return memory.NewBufferBytes(bits)
}

// scalarTest compares each value with one.
type scalarTest struct {
	op     operator
	scalar scalar.Scalar
}

func (t scalarTest) run(ctx context.Context, values arrow.Array) (*array.Boolean, error) {
	a := compute.NewDatum(values)
	defer a.Release()
	return call(ctx, t.op.kernel(), nil, a, compute.NewDatum(t.scalar))
}

// call runs a function of Arrow's that answers by booleans.
func call(ctx context.Context, name string, options compute.FunctionOptions, args ...compute.Datum) (*array.Boolean, error) {
	out, err := compute.CallFunction(ctx, name, options, args...)
	if err != nil {
		return nil, err
	}
	defer out.Release()
	return out.(*compute.ArrayDatum).MakeArray().(*array.Boolean), nil
}

// callArrays runs such a function over arrays.
func callArrays(ctx context.Context, name string, arrays ...arrow.Array) (*array.Boolean, error) {
	args := make([]compute.Datum, len(arrays))
	for i, a := range arrays {
		args[i] = compute.NewDatum(a)
		defer args[i].Release()
	}
	return call(ctx, name, nil, args...)
}
