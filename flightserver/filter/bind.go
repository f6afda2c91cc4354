package filter

import (
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"
)

// Filter is an expression over the records of one schema. It is safe for
// concurrent use.
type Filter struct {
	root    predicate
	columns []int
}

// Bind finds the expression's columns in a schema and gives its values their
// types. Every error is an *Error.
func (e *Expression) Bind(schema *arrow.Schema) (*Filter, error) {
	b := &binder{text: e.text, schema: schema}
	root, err := b.bind(e.root)
	if err != nil {
		return nil, err
	}
	slices.Sort(b.columns)
	return &Filter{root: root, columns: slices.Compact(b.columns)}, nil
}

// Columns are the indices of the top-level columns that the filter reads,
// ascending.
func (f *Filter) Columns() []int { return slices.Clone(f.columns) }

type binder struct {
	text    string
	schema  *arrow.Schema
	columns []int
}

func (b *binder) fail(offset int, format string, args ...any) error {
	return errorAt(b.text, offset, format, args...)
}

func (b *binder) bind(n node) (predicate, error) {
	switch n := n.(type) {
	case *logic:
		c := &combination{or: n.or}
		for _, term := range n.terms {
			p, err := b.bind(term)
			if err != nil {
				return nil, err
			}
			c.terms = append(c.terms, p)
		}
		return c, nil
	case *negation:
		of, err := b.bind(n.of)
		return &inversion{of}, err
	case columnName:
		return b.comparison(equal, n, value{kind: valueTrue, text: "TRUE", offset: n.offset})
	case value:
		if n.kind != valueTrue && n.kind != valueFalse {
			return nil, b.fail(n.offset, "%s selects nothing by itself: compare it with a column", n.kind.noun())
		}
		return always(mayBeTrue.when(n.kind == valueTrue) | mayBeFalse.when(n.kind == valueFalse)), nil
	case *comparison:
		return b.sides(n)
	case *membership:
		return b.membership(n)
	}
	column, err := b.column(n.(*nullTest).column)
	return &isNull{column}, err
}

// sides sees which of the sides of a comparison are columns.
func (b *binder) sides(c *comparison) (predicate, error) {
	left, leftIs := c.left.(columnName)
	right, rightIs := c.right.(columnName)
	switch {
	case leftIs && rightIs:
		return b.pair(c, left, right)
	case leftIs:
		return b.comparison(c.op, left, c.right.(value))
	case rightIs:
		return b.comparison(c.op.flipped(), right, c.left.(value))
	}
	return nil, b.fail(c.offset, "it compares two values: one side must be a column")
}

func (b *binder) pair(c *comparison, leftName, rightName columnName) (predicate, error) {
	left, err := b.column(leftName)
	if err != nil {
		return nil, err
	}
	right, err := b.column(rightName)
	if err != nil {
		return nil, err
	}
	switch {
	case !arrow.TypeEqual(left.kind, right.kind):
		return nil, b.fail(c.offset, "column %s is %s and column %s is %s: only columns of one type are compared",
			leftName, left.kind, rightName, right.kind)
	case !comparesInPairs(left.kind), c.op.ordered() && left.kind.ID() == arrow.BOOL:
		return nil, b.fail(c.offset, "columns of type %s are not compared with each other in this way", left.kind)
	}
	return &columnPair{c.op, left, right}, nil
}

func comparesInPairs(t arrow.DataType) bool {
	_, exact := exactType(t)
	return exact || t.ID() == arrow.BOOL || arrow.IsFloating(t.ID()) || isBytes(t)
}

func (b *binder) comparison(op operator, name columnName, v value) (predicate, error) {
	column, err := b.column(name)
	if err != nil {
		return nil, err
	}
	if v.kind == valueNull {
		return nil, b.fail(v.offset, "nothing is equal to NULL: ask whether the column %s IS NULL", name)
	}
	t, err := b.test(op, name, column, v)
	return &columnTest{column, t}, err
}

// test compares a column's values with one.
func (b *binder) test(op operator, name columnName, column reference, v value) (test, error) {
	kind := plainType(column.kind)
	if e, ok := exactType(kind); ok {
		units, ok := e.units(v)
		if !ok {
			return nil, b.mismatch(name, column, v, e.want)
		}
		return e.compare(op, units), nil
	}
	switch {
	case kind.ID() == arrow.BOOL:
		if v.kind != valueTrue && v.kind != valueFalse || op.ordered() {
			return nil, b.mismatch(name, column, v, "TRUE or FALSE, compared by = or !=")
		}
		return scalarTest{op, scalar.NewBooleanScalar(v.kind == valueTrue)}, nil
	case arrow.IsFloating(kind.ID()):
		if s := floatScalar(kind, v); s != nil {
			return scalarTest{op, s}, nil
		}
		return nil, b.mismatch(name, column, v, "a number in its range")
	case isBytes(kind):
		return b.bytesTest(op, name, column, v)
	}
	return nil, b.fail(name.offset, "column %s is %s, which is only tested for NULL", name, column.kind)
}

func (b *binder) bytesTest(op operator, name columnName, column reference, v value) (test, error) {
	kind := plainType(column.kind)
	text, ok := v.bytes()
	if !ok || v.kind == valueBytes && isText(kind) {
		return nil, b.mismatch(name, column, v, "a text in single quotes")
	}
	fixed, ok := kind.(*arrow.FixedSizeBinaryType)
	if ok && fixed.ByteWidth != len(text) {
		return nil, b.mismatch(name, column, v, "bytes of just its length")
	}
	return scalarTest{op, bytesScalar(kind, text)}, nil
}

func (b *binder) mismatch(name columnName, column reference, v value, want string) error {
	return b.fail(v.offset, "column %s is %s: want %s, not %s %s", name, column.kind, want, v.kind.noun(), short(v.text))
}

// column finds a column, or a field of a struct.
func (b *binder) column(name columnName) (reference, error) {
	fields := b.schema.Fields()
	r := reference{}
	for depth, part := range name.names {
		read := columnName{names: name.names[:depth]}
		if depth > 0 {
			parent, ok := r.kind.(*arrow.StructType)
			if !ok {
				return reference{}, b.fail(name.offset, "column %s is %s and has no fields; a name with a dot in it stands in double quotes", read, r.kind)
			}
			fields = parent.Fields()
		}
		at := slices.IndexFunc(fields, func(f arrow.Field) bool { return f.Name == part })
		if at < 0 {
			return reference{}, b.fail(name.offset, "there is no column %s", columnName{names: name.names[:depth+1]})
		}
		if slices.ContainsFunc(fields[at+1:], func(f arrow.Field) bool { return f.Name == part }) {
			return reference{}, b.fail(name.offset, "there are several columns %s", columnName{names: name.names[:depth+1]})
		}
		r.path, r.kind = append(r.path, at), fields[at].Type
	}
	if slices.Contains([]arrow.Type{arrow.SPARSE_UNION, arrow.DENSE_UNION}, plainType(r.kind).ID()) {
		return reference{}, b.fail(name.offset, "column %s is %s, which no filter reads", name, r.kind)
	}
	b.columns = append(b.columns, r.path[0])
	return r, nil
}

// String is the name as a message quotes it.
func (c columnName) String() string { return short(strings.Join(c.names, ".")) }

func floatScalar(kind arrow.DataType, v value) scalar.Scalar {
	bits := 32
	if kind.ID() == arrow.FLOAT64 {
		bits = 64
	}
	f, ok := v.float(bits)
	switch {
	case !ok || v.kind != valueNumber:
		return nil
	case bits == 32:
		return scalar.NewFloat32Scalar(float32(f))
	}
	return scalar.NewFloat64Scalar(f)
}

func isText(t arrow.DataType) bool {
	return slices.Contains([]arrow.Type{arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW}, t.ID())
}

func isBytes(t arrow.DataType) bool {
	return isText(t) || slices.Contains([]arrow.Type{arrow.BINARY, arrow.LARGE_BINARY, arrow.BINARY_VIEW, arrow.FIXED_SIZE_BINARY}, t.ID())
}

// bytesScalar is of the type that plainValues gives.
func bytesScalar(kind arrow.DataType, text []byte) scalar.Scalar {
	switch kind.ID() {
	case arrow.STRING:
		return scalar.NewStringScalar(string(text))
	case arrow.LARGE_STRING, arrow.STRING_VIEW:
		return scalar.NewLargeStringScalar(string(text))
	case arrow.BINARY:
		return scalar.NewBinaryScalar(memory.NewBufferBytes(text), kind)
	default:
		return scalar.NewLargeBinaryScalar(memory.NewBufferBytes(text))
	}
}
