package filter

import (
	"slices"
	"strings"
)

// Bounds of an expression, which a client writes.
const (
	maxText    = 64 << 10
	maxNesting = 64
)

// Expression is a parsed text, which Bind makes a Filter for a schema.
type Expression struct {
	text string
	root node
}

// node is one of the types below.
type node any

type (
	// logic is an AND or an OR of two or more.
	logic struct {
		or    bool
		terms []node
	}
	negation struct{ of node }
	// columnName is a column, or a field of a struct of one.
	columnName struct {
		names  []string
		offset int
	}
	comparison struct {
		op          operator
		left, right node // columnName or value
		offset      int
	}
	membership struct {
		column columnName
		list   []value
	}
	nullTest struct{ column columnName }
	// value is a literal.
	value struct {
		kind   valueKind
		text   string
		offset int
	}
)

// reserved words are no names of columns unless they are quoted.
var reserved = []string{"AND", "OR", "NOT", "IN", "IS", "NULL", "BETWEEN", "TRUE", "FALSE"}

// Parse reads an expression. Every error is an *Error.
func Parse(text string) (*Expression, error) {
	if len(text) > maxText {
		return nil, errorAt(text, 0, "it has %d bytes, at most %d are read", len(text), maxText)
	}
	p := &parser{lexer: lexer{text: text}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		return nil, p.unexpected("AND, OR or the end")
	}
	return &Expression{text: text, root: root}, nil
}

// parser looks one token ahead.
type parser struct {
	lexer lexer
	token token
}

func (p *parser) advance() (err error) {
	p.token, err = p.lexer.next()
	return err
}

// accept takes the token if it is the text.
func (p *parser) accept(text string) (bool, error) {
	if !p.token.is(text) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) expect(text string) error {
	ok, err := p.accept(text)
	if err == nil && !ok {
		return p.unexpected(text)
	}
	return err
}

func (p *parser) unexpected(want string) error {
	if p.token.kind == tokenEnd {
		return p.fail(p.token.offset, "it ends where %s should follow", want)
	}
	return p.fail(p.token.offset, "want %s, not %s", want, short(p.token.text))
}

func (p *parser) fail(offset int, format string, args ...any) error {
	return errorAt(p.lexer.text, offset, format, args...)
}

func (p *parser) expression(depth int) (node, error) {
	return p.chain("OR", func() (node, error) {
		return p.chain("AND", func() (node, error) { return p.factor(depth) })
	})
}

// chain reads one or more terms with the word between them.
func (p *parser) chain(word string, term func() (node, error)) (node, error) {
	first, err := term()
	if err != nil {
		return nil, err
	}
	terms := []node{first}
	for {
		more, err := p.accept(word)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		next, err := term()
		if err != nil {
			return nil, err
		}
		terms = append(terms, next)
	}
	if len(terms) == 1 {
		return first, nil
	}
	return &logic{or: word == "OR", terms: terms}, nil
}

func (p *parser) factor(depth int) (node, error) {
	if depth > maxNesting {
		return nil, p.fail(p.token.offset, "it nests deeper than %d", maxNesting)
	}
	if not, err := p.accept("NOT"); not || err != nil {
		return p.negated(true, func() (node, error) { return p.factor(depth + 1) }, err)
	}
	open, err := p.accept("(")
	if err != nil {
		return nil, err
	}
	if !open {
		return p.test()
	}
	inner, err := p.expression(depth + 1)
	if err != nil {
		return nil, err
	}
	return inner, p.expect(")")
}

// negated reads what may follow a NOT.
func (p *parser) negated(not bool, read func() (node, error), err error) (node, error) {
	if err != nil {
		return nil, err
	}
	of, err := read()
	if err != nil || !not {
		return of, err
	}
	return &negation{of: of}, nil
}

func (p *parser) test() (node, error) {
	offset := p.token.offset
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	if op, ok := operators[p.token.text]; ok && p.token.kind == tokenSymbol {
		if err := p.advance(); err != nil {
			return nil, err
		}
		right, err := p.operand()
		return &comparison{op: op, left: left, right: right, offset: offset}, err
	}
	column, ok := left.(columnName)
	if !ok {
		return left, nil // a boolean, else Bind refuses it
	}
	return p.columnTest(column)
}

// columnTest reads what may follow a column, other than a comparison.
func (p *parser) columnTest(column columnName) (node, error) {
	is, err := p.accept("IS")
	if err != nil {
		return nil, err
	}
	not, err := p.accept("NOT")
	if err != nil {
		return nil, err
	}
	switch {
	case is:
		return p.negated(not, func() (node, error) { return &nullTest{column}, p.expect("NULL") }, nil)
	case p.token.is("IN"):
		return p.negated(not, func() (node, error) { return p.in(column) }, p.advance())
	case p.token.is("BETWEEN"):
		return p.negated(not, func() (node, error) { return p.between(column) }, p.advance())
	case not:
		return nil, p.unexpected("IN or BETWEEN")
	}
	return column, nil
}

func (p *parser) in(column columnName) (node, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	m := &membership{column: column}
	for {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		m.list = append(m.list, v)
		more, err := p.accept(",")
		if err != nil {
			return nil, err
		}
		if !more {
			return m, p.expect(")")
		}
	}
}

func (p *parser) between(column columnName) (node, error) {
	low, err := p.value()
	if err != nil {
		return nil, err
	}
	if err := p.expect("AND"); err != nil {
		return nil, err
	}
	high, err := p.value()
	if err != nil {
		return nil, err
	}
	return &logic{terms: []node{
		&comparison{op: greaterEqual, left: column, right: low, offset: column.offset},
		&comparison{op: lessEqual, left: column, right: high, offset: column.offset},
	}}, nil
}

// operand reads a column or a value.
func (p *parser) operand() (node, error) {
	first := p.token
	isValue := valueWords[strings.ToUpper(first.text)] != 0 && first.kind == tokenWord
	if first.kind != tokenQuoted && first.kind != tokenWord || isValue {
		return p.valueOrColumn(first)
	}
	if p.reserved() {
		return nil, p.unexpected("a column or a value")
	}
	return p.column(nil)
}

func (p *parser) reserved() bool {
	return p.token.kind == tokenWord && slices.Contains(reserved, strings.ToUpper(p.token.text))
}

// column reads the name behind those that are read.
func (p *parser) column(read []token) (node, error) {
	c := columnName{offset: p.token.offset}
	for _, t := range read {
		c.names, c.offset = append(c.names, t.text), t.offset
	}
	for more := len(read) == 0; ; {
		if more {
			if p.token.kind != tokenQuoted && (p.token.kind != tokenWord || len(c.names) == 0 && p.reserved()) {
				return nil, p.unexpected("a column's name")
			}
			c.names = append(c.names, p.token.text)
			if err := p.advance(); err != nil {
				return nil, err
			}
		}
		var err error
		if more, err = p.accept("."); err != nil || !more {
			return c, err
		}
	}
}
