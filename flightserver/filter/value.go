package filter

import "strings"

type valueKind int

const (
	valueNumber valueKind = iota + 1
	valueText
	valueBytes // its text is hexadecimal
	valueTrue
	valueFalse
	valueNull
	valueDate
	valueTime
	valueTimestamp
)

// valueWords begin a value or are one.
var valueWords = map[string]valueKind{
	"TRUE": valueTrue, "FALSE": valueFalse, "NULL": valueNull,
	"DATE": valueDate, "TIME": valueTime, "TIMESTAMP": valueTimestamp,
}

// noun is what messages call a value of the kind.
func (k valueKind) noun() string {
	switch k {
	case valueNumber:
		return "a number"
	case valueText:
		return "a text"
	case valueBytes:
		return "bytes"
	case valueTrue, valueFalse:
		return "a boolean"
	case valueDate:
		return "a date"
	case valueTime:
		return "a time"
	case valueTimestamp:
		return "a timestamp"
	default:
		return "NULL"
	}
}

// value reads a literal.
func (p *parser) value() (value, error) {
	read, err := p.valueOrColumn(p.token)
	if err != nil {
		return value{}, err
	}
	v, ok := read.(value)
	if !ok {
		return value{}, p.fail(read.(columnName).offset, "want a value, not a column")
	}
	return v, nil
}

// valueOrColumn reads a value. The words DATE, TIME and TIMESTAMP are columns'
// names as well, where no text follows.
func (p *parser) valueOrColumn(first token) (node, error) {
	v := value{text: first.text, offset: first.offset}
	switch first.kind {
	case tokenNumber:
		v.kind = valueNumber
	case tokenString:
		v.kind = valueText
	case tokenHex:
		v.kind = valueBytes
	case tokenWord:
		v.kind = valueWords[strings.ToUpper(first.text)]
	}
	if v.kind == 0 {
		return nil, p.unexpected("a value")
	}
	if _, ok := v.number(); v.kind == valueNumber && !ok {
		return nil, p.fail(v.offset, "%s is no number, or one of too many digits", short(v.text))
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if v.kind < valueDate {
		return v, nil
	}
	if p.token.kind != tokenString {
		return p.column([]token{first})
	}
	v.text = p.token.text
	return v, p.advance()
}
