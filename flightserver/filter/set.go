package filter

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"
)

// setTest looks each value up among several.
type setTest struct {
	scalars []scalar.Scalar
	set     arrow.Array // of them
}

func newSetTest(scalars []scalar.Scalar) (test, error) {
	b := array.NewBuilder(memory.DefaultAllocator, scalars[0].DataType())
	defer b.Release()
	if err := scalar.AppendSlice(b, scalars); err != nil {
		return nil, fmt.Errorf("filter: making a set: %w", err)
	}
	return setTest{scalars, b.NewArray()}, nil
}

func (t setTest) run(ctx context.Context, values arrow.Array) (*array.Boolean, error) {
	a, set := compute.NewDatum(values), compute.NewDatum(t.set)
	defer a.Release()
	defer set.Release()
	return call(ctx, "is_in", &compute.SetOptions{ValueSet: set, NullBehavior: compute.NullMatchingEmitNull}, a)
}

func (t setTest) outcomes(ctx context.Context, between arrow.Array) outcome {
	out := mayBeFalse
	for _, s := range t.scalars {
		out |= scalarTest{equal, s}.outcomes(ctx, between) & mayBeTrue
	}
	return out
}

// membership asks for a whole set where values can be hashed, else for one after
// the other: the two zeros of floating point are equal and have different
// hashes, and of decimals Arrow's function reads slices wrongly.
func (b *binder) membership(m *membership) (predicate, error) {
	column, err := b.column(m.column)
	if err != nil {
		return nil, err
	}
	var scalars []scalar.Scalar
	either := &combination{or: true, terms: []predicate{&columnTest{column, constant(false)}}}
	for _, v := range m.list {
		if v.kind == valueNull {
			either.terms = append(either.terms, always(mayBeNull)) // what is not found may be it
			continue
		}
		one, err := b.test(equal, m.column, column, v)
		if err != nil {
			return nil, err
		}
		s, ok := one.(scalarTest)
		switch {
		case !ok: // no value of the type is equal
		case arrow.IsInteger(s.scalar.DataType().ID()), isBytes(s.scalar.DataType()):
			scalars = append(scalars, s.scalar)
		default:
			either.terms = append(either.terms, &columnTest{column, s})
		}
	}
	if len(scalars) > 0 {
		set, err := newSetTest(scalars)
		if err != nil {
			return nil, err
		}
		either.terms = append(either.terms, &columnTest{column, set})
	}
	return either, nil
}
