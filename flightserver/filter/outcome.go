package filter

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
)

// outcome is a set of what a predicate may be for a row of a batch.
type outcome byte

const (
	mayBeTrue outcome = 1 << iota
	mayBeFalse
	mayBeNull

	anything = mayBeTrue | mayBeFalse | mayBeNull
)

// when gives the set if the condition holds, else the empty one.
func (o outcome) when(condition bool) outcome {
	if condition {
		return o
	}
	return 0
}

// and combines all pairs; null is between false and true.
func (o outcome) and(p outcome) outcome {
	return mayBeTrue.when(o&p&mayBeTrue != 0) |
		mayBeFalse.when((o|p)&mayBeFalse != 0) |
		mayBeNull.when((o|p)&mayBeNull != 0 && o&^mayBeFalse != 0 && p&^mayBeFalse != 0)
}

func (o outcome) not() outcome {
	return o&mayBeNull | mayBeTrue.when(o&mayBeFalse != 0) | mayBeFalse.when(o&mayBeTrue != 0)
}

// Statistics are what is known of a batch without its values.
type Statistics struct {
	Rows int64
	// Column tells of a top-level column; false where nothing is known.
	Column func(index int) (ColumnStatistics, bool)
}

// ColumnStatistics are what is known of a column.
type ColumnStatistics struct {
	Nulls int64
	// Range are two values of the column's type; all others that are not null
	// nor NaN lie between them. Nil: unknown.
	Range arrow.Array
}

// Prune tells that no row of a batch can be selected.
func (f *Filter) Prune(ctx context.Context, s Statistics) bool {
	return s.Rows == 0 || f.root.outcomes(ctx, s)&mayBeTrue == 0
}

func (c *combination) outcomes(ctx context.Context, s Statistics) outcome {
	sum := c.terms[0].outcomes(ctx, s)
	for _, term := range c.terms[1:] {
		next := term.outcomes(ctx, s)
		if c.or { // by De Morgan
			sum = sum.not().and(next.not()).not()
			continue
		}
		sum = sum.and(next)
	}
	return sum
}

func (i *inversion) outcomes(ctx context.Context, s Statistics) outcome {
	return i.of.outcomes(ctx, s).not()
}

func (a always) outcomes(context.Context, Statistics) outcome { return outcome(a) }

func (c *columnTest) outcomes(ctx context.Context, s Statistics) outcome {
	known, ok := c.column.statistics(s)
	if !ok {
		return anything
	}
	some := known.Nulls < s.Rows
	return mayBeNull.when(known.Nulls > 0) | c.test.outcomes(ctx, known.Range).when(some)
}

func (n *isNull) outcomes(_ context.Context, s Statistics) outcome {
	known, ok := n.column.statistics(s)
	if !ok {
		return mayBeTrue | mayBeFalse
	}
	return mayBeTrue.when(known.Nulls > 0) | mayBeFalse.when(known.Nulls < s.Rows)
}

func (*columnPair) outcomes(context.Context, Statistics) outcome { return anything }

func (r reference) statistics(s Statistics) (ColumnStatistics, bool) {
	if len(r.path) > 1 {
		return ColumnStatistics{}, false
	}
	return s.Column(r.path[0])
}

func (c constant) outcomes(context.Context, arrow.Array) outcome {
	return mayBeTrue.when(bool(c)) | mayBeFalse.when(!bool(c))
}

func (t scalarTest) outcomes(ctx context.Context, between arrow.Array) outcome {
	first, last, ok := t.orders(ctx, between)
	if !ok {
		return mayBeTrue | mayBeFalse
	}
	inside := first <= 0 && last >= 0
	out := mayBeTrue.when(t.op.holds(first) || t.op.holds(last) || t.op == equal && inside) |
		mayBeFalse.when(!t.op.holds(first) || !t.op.holds(last) || t.op == notEqual && inside)
	if arrow.IsFloating(between.DataType().ID()) { // there may be NaN beside
		out |= mayBeFalse.when(t.op != notEqual) | mayBeTrue.when(t.op == notEqual)
	}
	return out
}

// orders tell how the ends of a range stand to the value; false where that is
// not known.
func (t scalarTest) orders(ctx context.Context, between arrow.Array) (first, last int, ok bool) {
	if between == nil {
		return 0, 0, false
	}
	isLess, err := apply(ctx, scalarTest{less, t.scalar}, between)
	if err != nil { // booleans have no order
		return 0, 0, false
	}
	defer isLess.Release()
	isGreater, err := apply(ctx, scalarTest{greater, t.scalar}, between)
	if err != nil {
		return 0, 0, false
	}
	defer isGreater.Release()
	order := func(i int) int {
		switch {
		case isLess.Value(i):
			return -1
		case isGreater.Value(i):
			return 1
		default:
			return 0
		}
	}
	return order(0), order(1), isLess.NullN() == 0
}
