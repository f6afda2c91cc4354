package filter

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"
)

// predicate is a part of an expression over the records of a schema. It never
// changes.
type predicate interface {
	// evaluate gives an answer a row. The caller releases them.
	evaluate(ctx context.Context, record arrow.RecordBatch) (*array.Boolean, error)
	outcomes(ctx context.Context, s Statistics) outcome
}

type (
	combination struct {
		or    bool
		terms []predicate
	}
	inversion  struct{ of predicate }
	always     outcome // one of them
	columnTest struct {
		column reference
		test   test
	}
	isNull     struct{ column reference }
	columnPair struct {
		op          operator
		left, right reference
	}
)

func (c *combination) evaluate(ctx context.Context, record arrow.RecordBatch) (*array.Boolean, error) {
	kernel := "and_kleene"
	if c.or {
		kernel = "or_kleene"
	}
	sum, err := c.terms[0].evaluate(ctx, record)
	for _, term := range c.terms[1:] {
		if err != nil {
			return nil, err
		}
		var next, both *array.Boolean
		if next, err = term.evaluate(ctx, record); err == nil {
			both, err = callArrays(ctx, kernel, sum, next)
			next.Release()
		}
		sum.Release()
		sum = both
	}
	return sum, err
}

func (i *inversion) evaluate(ctx context.Context, record arrow.RecordBatch) (*array.Boolean, error) {
	of, err := i.of.evaluate(ctx, record)
	if err != nil {
		return nil, err
	}
	defer of.Release()
	return callArrays(ctx, "not", of)
}

func (a always) evaluate(_ context.Context, record arrow.RecordBatch) (*array.Boolean, error) {
	answer := scalar.NewBooleanScalar(outcome(a) == mayBeTrue)
	answer.Valid = outcome(a) != mayBeNull
	return asBoolean(scalar.MakeArrayFromScalar(answer, int(record.NumRows()), memory.DefaultAllocator))
}

func (c *columnTest) evaluate(ctx context.Context, record arrow.RecordBatch) (*array.Boolean, error) {
	return c.column.apply(ctx, record, c.test)
}

func (n *isNull) evaluate(ctx context.Context, record arrow.RecordBatch) (*array.Boolean, error) {
	present, err := n.column.apply(ctx, record, constant(true))
	if err != nil {
		return nil, err
	}
	defer present.Release()
	return callArrays(ctx, "is_null", present)
}

func (c *columnPair) evaluate(ctx context.Context, record arrow.RecordBatch) (*array.Boolean, error) {
	left, parents := c.left.find(record)
	right, others := c.right.find(record)
	answers, err := comparePair(ctx, c.op, left, right)
	if err != nil {
		return nil, err
	}
	defer answers.Release()
	return underParents(answers, append(parents, others...)), nil
}

func comparePair(ctx context.Context, op operator, left, right arrow.Array) (*array.Boolean, error) {
	a, err := plainValues(ctx, left)
	if err != nil {
		return nil, err
	}
	defer a.Release()
	b, err := plainValues(ctx, right)
	if err != nil {
		return nil, err
	}
	defer b.Release()
	return callArrays(ctx, op.kernel(), a, b)
}
