package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// jsonValue is a value of a line. The parts of a value share the line's text.
type jsonValue struct {
	// start is the character that the value begins with: one of { [ " t f n,
	// or else that of a number.
	start byte
	text  string   // as it stands in the line, but a string without its quotes
	keys  []string // of an object, in the order of the line
	items []jsonValue
}

func (v jsonValue) isNull() bool { return v.start == 'n' }

var errNotObject = errors.New(`not a JSON object such as {"a": 1}`)

// parseJSONLine reads the one object that a line holds.
func parseJSONLine(line []byte) (jsonValue, error) {
	if !utf8.Valid(line) {
		return jsonValue{}, errNotUTF8
	}
	if !json.Valid(line) {
		return jsonValue{}, jsonError(line)
	}
	p := jsonParser{text: string(line)}
	v := p.value()
	if v.start != '{' {
		return v, errNotObject
	}
	return v, nil
}

// jsonError tells what is wrong with a line that is not JSON.
func jsonError(line []byte) error {
	var v any
	err := json.Unmarshal(line, &v)
	var syntax *json.SyntaxError
	switch {
	case !errors.As(err, &syntax):
		return fmt.Errorf("not JSON: %w", err)
	case syntax.Offset >= int64(len(line)) && strings.HasPrefix(syntax.Error(), "unexpected end"):
		return errors.New("the JSON value does not end on its line")
	}
	return fmt.Errorf("not JSON: %w (byte %d of the line)", err, syntax.Offset)
}

// jsonParser takes a text apart that is known to be valid JSON, and so checks
// nothing.
type jsonParser struct {
	text string
	at   int
}

func (p *jsonParser) value() jsonValue {
	p.skip(" \t\r\n")
	begin := p.at
	v := jsonValue{start: p.text[p.at]}
	switch v.start {
	case '"':
		v.text = p.string()
		return v
	case '{', '[':
		p.container(&v)
	default:
		for p.at < len(p.text) && !strings.ContainsRune(" \t\r\n,]}", rune(p.text[p.at])) {
			p.at++
		}
	}
	v.text = p.text[begin:p.at]
	return v
}

// container reads what stands between brackets or braces.
func (p *jsonParser) container(v *jsonValue) {
	p.at++
	if v.start == '{' {
		v.keys, v.items = make([]string, 0, 16), make([]jsonValue, 0, 16)
	}
	for {
		p.skip(" \t\r\n,")
		if c := p.text[p.at]; c == '}' || c == ']' {
			p.at++
			return
		}
		if v.start == '{' {
			v.keys = append(v.keys, p.string())
			p.skip(" \t\r\n:")
		}
		v.items = append(v.items, p.value())
	}
}

func (p *jsonParser) string() string {
	begin := p.at
	escaped := false
	for p.at++; p.text[p.at] != '"'; p.at++ {
		if p.text[p.at] == '\\' {
			escaped = true
			p.at++
		}
	}
	p.at++
	if !escaped {
		return p.text[begin+1 : p.at-1]
	}
	var s string
	if err := json.Unmarshal([]byte(p.text[begin:p.at]), &s); err != nil {
		panic(err) // it was valid
	}
	return s
}

func (p *jsonParser) skip(what string) {
	for p.at < len(p.text) && strings.IndexByte(what, p.text[p.at]) >= 0 {
		p.at++
	}
}
