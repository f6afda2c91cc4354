package filter

// operator compares two values.
type operator int

const (
	equal operator = iota
	notEqual
	less
	lessEqual
	greater
	greaterEqual
)

var operators = map[string]operator{
	"=": equal, "!=": notEqual, "<>": notEqual,
	"<": less, "<=": lessEqual, ">": greater, ">=": greaterEqual,
}

// kernel is the name of the function of Arrow's that does it.
func (o operator) kernel() string {
	return [...]string{"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}[o]
}

// flipped is the operator that says the same with its sides exchanged.
func (o operator) flipped() operator {
	return [...]operator{equal, notEqual, greater, greaterEqual, less, lessEqual}[o]
}

func (o operator) ordered() bool { return o >= less }

// holds tells whether the operator is true of values in an order as that of
// cmp.Compare.
func (o operator) holds(order int) bool {
	switch o {
	case equal:
		return order == 0
	case notEqual:
		return order != 0
	case less:
		return order < 0
	case lessEqual:
		return order <= 0
	case greater:
		return order > 0
	default:
		return order >= 0
	}
}
