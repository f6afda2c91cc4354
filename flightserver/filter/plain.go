package filter

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// plainType is the type of a column's values, whatever they are packed in.
func plainType(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case arrow.ExtensionType:
		return plainType(t.StorageType())
	case *arrow.DictionaryType:
		return plainType(t.ValueType)
	case *arrow.RunEndEncodedType:
		return plainType(t.Encoded())
	default:
		return t
	}
}

// apply runs a test over the values of an array. What is stored once for many
// rows is tested once.
func apply(ctx context.Context, t test, a arrow.Array) (*array.Boolean, error) {
	switch a := a.(type) {
	case array.ExtensionArray:
		return apply(ctx, t, a.Storage())
	case *array.Dictionary:
		values, err := apply(ctx, t, a.Dictionary())
		if err != nil {
			return nil, err
		}
		defer values.Release()
		return asBoolean(compute.TakeArrayOpts(ctx, values, a.Indices(), compute.TakeOptions{BoundsCheck: false}))
	case *array.RunEndEncoded:
		values, err := apply(ctx, t, a.Values())
		if err != nil {
			return nil, err
		}
		defer values.Release()
		return expand(a, values), nil
	}
	values, err := plainValues(ctx, a)
	if err != nil {
		return nil, err
	}
	defer values.Release()
	return t.run(ctx, values)
}

func asBoolean(a arrow.Array, err error) (*array.Boolean, error) {
	if err != nil {
		return nil, err
	}
	return a.(*array.Boolean), nil
}

// expand repeats the answers about runs for their rows. Arrow's own function
// panics for some slices.
func expand(runs *array.RunEndEncoded, answers *array.Boolean) *array.Boolean {
	b := array.NewBooleanBuilder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(runs.Len())
	for i := range runs.Len() {
		run := runs.GetPhysicalIndex(i)
		if answers.IsNull(run) {
			b.AppendNull()
			continue
		}
		b.Append(answers.Value(run))
	}
	return b.NewBooleanArray()
}

// plainValues gives an array in the form that Arrow's functions compare. The
// caller releases it.
func plainValues(ctx context.Context, a arrow.Array) (arrow.Array, error) {
	switch a := a.(type) {
	case *array.Float16:
		return build(a, array.NewFloat32Builder(memory.DefaultAllocator), func(b *array.Float32Builder, i int) {
			b.Append(a.Value(i).Float32())
		}), nil
	case *array.FixedSizeBinary: // Arrow's own functions read slices of them wrongly
		return build(a, array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.LargeBinary), func(b *array.BinaryBuilder, i int) {
			b.Append(a.Value(i))
		}), nil
	case *array.StringView:
		return compute.CastArray(ctx, a, compute.SafeCastOptions(arrow.BinaryTypes.LargeString))
	case *array.BinaryView:
		return compute.CastArray(ctx, a, compute.SafeCastOptions(arrow.BinaryTypes.LargeBinary))
	}
	e, ok := exactType(a.DataType())
	if !ok || arrow.TypeEqual(e.kind, a.DataType()) {
		a.Retain()
		return a, nil
	}
	// Times and small decimals are integers in memory.
	data := array.NewData(e.kind, a.Len(), a.Data().Buffers(), nil, a.NullN(), a.Data().Offset())
	defer data.Release()
	return array.MakeFromData(data), nil
}

// build makes an array of as many values, and of the same nulls.
func build[B array.Builder](a arrow.Array, b B, add func(b B, i int)) arrow.Array {
	defer b.Release()
	b.Reserve(a.Len())
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
			continue
		}
		add(b, i)
	}
	return b.NewArray()
}
