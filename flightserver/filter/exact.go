package filter

import (
	"math/big"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/decimal256"
	"github.com/apache/arrow-go/v18/arrow/scalar"
)

// exact is a type whose values are whole numbers of some unit: integers,
// decimals and times.
type exact struct {
	kind   arrow.DataType // of the array that values are compared in
	signed bool
	bits   uint
	// units gives how many units a value is; false where it is none.
	units func(value) (*big.Rat, bool)
	want  string // what a value is to be
}

// exactType tells how values of a type are counted; false where they are not.
func exactType(t arrow.DataType) (exact, bool) {
	switch t := t.(type) {
	case arrow.DecimalType:
		return exact{kind: decimalKind(t), signed: true, bits: uint(t.BitWidth()), units: decimalUnits(t.GetScale()), want: "a number"}, true
	case *arrow.Date32Type:
		return temporal(t, arrow.PrimitiveTypes.Int32, 24*time.Hour), true
	case *arrow.Date64Type:
		return temporal(t, arrow.PrimitiveTypes.Int64, time.Millisecond), true
	case *arrow.Time32Type:
		return temporal(t, arrow.PrimitiveTypes.Int32, t.Unit.Multiplier()), true
	case *arrow.Time64Type:
		return temporal(t, arrow.PrimitiveTypes.Int64, t.Unit.Multiplier()), true
	case *arrow.TimestampType:
		return temporal(t, arrow.PrimitiveTypes.Int64, t.Unit.Multiplier()), true
	case *arrow.DurationType:
		return temporal(t, arrow.PrimitiveTypes.Int64, t.Unit.Multiplier()), true
	}
	if !arrow.IsInteger(t.ID()) {
		return exact{}, false
	}
	bits := uint(t.(arrow.FixedWidthDataType).BitWidth())
	return exact{kind: t, signed: arrow.IsSignedInteger(t.ID()), bits: bits, units: decimalUnits(0), want: "a number"}, true
}

// decimalKind is the array that decimals are compared in: the small ones are
// plain integers in memory.
func decimalKind(t arrow.DecimalType) arrow.DataType {
	switch t.ID() {
	case arrow.DECIMAL32:
		return arrow.PrimitiveTypes.Int32
	case arrow.DECIMAL64:
		return arrow.PrimitiveTypes.Int64
	default:
		return t
	}
}

func decimalUnits(scale int32) func(value) (*big.Rat, bool) {
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(scale, -scale))), nil)
	factor := new(big.Rat).SetInt(power)
	if scale < 0 {
		factor.Inv(factor)
	}
	return func(v value) (*big.Rat, bool) {
		if v.kind != valueNumber {
			return nil, false
		}
		n, ok := v.number()
		return n.Mul(n, factor), ok
	}
}

func temporal(t, kind arrow.DataType, unit time.Duration) exact {
	units := func(v value) (*big.Rat, bool) {
		ns, ok := v.nanoseconds(t)
		if !ok {
			return nil, false
		}
		return new(big.Rat).SetFrac(ns, big.NewInt(int64(unit))), true
	}
	want := "a time such as TIMESTAMP '2013-01-31 17:00:00'"
	switch t.ID() {
	case arrow.DATE32, arrow.DATE64:
		want = "a date such as DATE '2013-01-31'"
	case arrow.TIME32, arrow.TIME64:
		want = "a time of day such as TIME '17:00:00'"
	case arrow.DURATION:
		want = "a duration such as '1h30m'"
	}
	return exact{kind: kind, signed: true, bits: uint(kind.(arrow.FixedWidthDataType).BitWidth()), units: units, want: want}
}

// compare gives the test that says what the operator says of a number of units,
// which need not be whole nor within the type.
func (e exact) compare(op operator, units *big.Rat) test {
	// The whole number below stands for what lies between it and the next.
	floor := new(big.Int).Div(units.Num(), units.Denom())
	if !units.IsInt() {
		switch op {
		case equal, notEqual:
			return constant(op == notEqual)
		case less:
			op = lessEqual
		case greaterEqual:
			op = greater
		}
	}
	low, high := e.limits()
	switch {
	case floor.Cmp(low) < 0:
		return constant(op.holds(1))
	case floor.Cmp(high) > 0:
		return constant(op.holds(-1))
	}
	return scalarTest{op: op, scalar: e.scalar(floor)}
}

// limits are the least and the greatest of the type.
func (e exact) limits() (low, high *big.Int) {
	one := big.NewInt(1)
	if !e.signed {
		return new(big.Int), new(big.Int).Sub(new(big.Int).Lsh(one, e.bits), one)
	}
	high = new(big.Int).Lsh(one, e.bits-1)
	return new(big.Int).Neg(high), high.Sub(high, one)
}

func (e exact) scalar(n *big.Int) scalar.Scalar {
	var s scalar.Scalar
	switch {
	case e.kind.ID() == arrow.DECIMAL128:
		return scalar.NewDecimal128Scalar(decimal128.FromBigInt(n), e.kind)
	case e.kind.ID() == arrow.DECIMAL256:
		return scalar.NewDecimal256Scalar(decimal256.FromBigInt(n), e.kind)
	case e.signed:
		s, _ = scalar.MakeIntegerScalar(n.Int64(), int(e.bits)) // fails for odd widths only
	default:
		s, _ = scalar.MakeUnsignedIntegerScalar(n.Uint64(), int(e.bits))
	}
	return s
}
