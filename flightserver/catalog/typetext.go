package catalog

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/apache/arrow-go/v18/arrow"
)

// maxTypeDepth bounds the nesting of a type's text.
const maxTypeDepth = 32

// plainTypes are the types that their name says all about.
var plainTypes = map[string]arrow.DataType{
	"null":  arrow.Null,
	"bool":  arrow.FixedWidthTypes.Boolean,
	"int8":  arrow.PrimitiveTypes.Int8,
	"int16": arrow.PrimitiveTypes.Int16,
	"int32": arrow.PrimitiveTypes.Int32,
	"int64": arrow.PrimitiveTypes.Int64,

	"uint8":  arrow.PrimitiveTypes.Uint8,
	"uint16": arrow.PrimitiveTypes.Uint16,
	"uint32": arrow.PrimitiveTypes.Uint32,
	"uint64": arrow.PrimitiveTypes.Uint64,

	"float16": arrow.FixedWidthTypes.Float16,
	"float32": arrow.PrimitiveTypes.Float32,
	"float64": arrow.PrimitiveTypes.Float64,

	"utf8":         arrow.BinaryTypes.String,
	"string":       arrow.BinaryTypes.String,
	"large_utf8":   arrow.BinaryTypes.LargeString,
	"utf8_view":    arrow.BinaryTypes.StringView,
	"binary":       arrow.BinaryTypes.Binary,
	"large_binary": arrow.BinaryTypes.LargeBinary,
	"binary_view":  arrow.BinaryTypes.BinaryView,

	"date32": arrow.FixedWidthTypes.Date32,
	"date64": arrow.FixedWidthTypes.Date64,

	"month_interval":          arrow.FixedWidthTypes.MonthInterval,
	"day_time_interval":       arrow.FixedWidthTypes.DayTimeInterval,
	"month_day_nano_interval": arrow.FixedWidthTypes.MonthDayNanoInterval,
}

// ParseType reads the text of a type: "int64", "timestamp[us, UTC]",
// "decimal128(10, 2)", "fixed_size_binary(16)", "list<float64>",
// "fixed_size_list<float32>(3)", "struct<a: int64, b: utf8>",
// "map<utf8, int64>", "dictionary<int32, utf8>". Elements are nullable.
func ParseType(text string) (arrow.DataType, error) {
	p := &typeParser{rest: text}
	t, err := p.parse(0)
	if err == nil && p.skipSpace() != "" {
		err = fmt.Errorf("%q is left over", p.rest)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnsupportedType, quote(text), err)
	}
	return t, nil
}

// typeParser consumes rest from the left.
type typeParser struct{ rest string }

func (p *typeParser) parse(depth int) (arrow.DataType, error) {
	if depth > maxTypeDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxTypeDepth)
	}
	name := p.word()
	if t, ok := plainTypes[name]; ok {
		return t, nil
	}
	switch name {
	case "timestamp", "duration", "time32", "time64":
		return p.temporal(name)
	case "decimal32", "decimal64", "decimal128", "decimal256":
		return p.decimal(name)
	case "fixed_size_binary":
		n, err := p.integers(1)
		if err != nil {
			return nil, err
		}
		return &arrow.FixedSizeBinaryType{ByteWidth: int(n[0])}, nil
	case "struct":
		return p.structure(depth)
	case "list", "large_list", "list_view", "large_list_view", "fixed_size_list", "map", "dictionary", "run_end_encoded":
		return p.nested(name, depth)
	}
	return nil, fmt.Errorf("%q is no type's name", name)
}

func (p *typeParser) temporal(name string) (arrow.DataType, error) {
	args, err := p.bracketed()
	if err != nil {
		return nil, err
	}
	unit, ok := map[string]arrow.TimeUnit{
		"s": arrow.Second, "ms": arrow.Millisecond, "us": arrow.Microsecond, "ns": arrow.Nanosecond,
	}[args[0]]
	switch {
	case !ok:
		return nil, fmt.Errorf("%q is no unit of time: use s, ms, us or ns", args[0])
	case name == "timestamp" && len(args) == 2:
		return &arrow.TimestampType{Unit: unit, TimeZone: args[1]}, nil
	case len(args) > 1:
		return nil, fmt.Errorf("%s takes a unit only", name)
	case name == "timestamp":
		return &arrow.TimestampType{Unit: unit}, nil
	case name == "duration":
		return &arrow.DurationType{Unit: unit}, nil
	case name == "time32" && unit <= arrow.Millisecond:
		return &arrow.Time32Type{Unit: unit}, nil
	case name == "time64" && unit >= arrow.Microsecond:
		return &arrow.Time64Type{Unit: unit}, nil
	}
	return nil, fmt.Errorf("%s cannot have the unit %s", name, args[0])
}

func (p *typeParser) decimal(name string) (arrow.DataType, error) {
	n, err := p.integers(2)
	if err != nil {
		return nil, err
	}
	id := map[string]arrow.Type{
		"decimal32": arrow.DECIMAL32, "decimal64": arrow.DECIMAL64,
		"decimal128": arrow.DECIMAL128, "decimal256": arrow.DECIMAL256,
	}[name]
	return arrow.NewDecimalType(id, int32(n[0]), int32(n[1]))
}

func (p *typeParser) structure(depth int) (arrow.DataType, error) {
	if err := p.expect("<"); err != nil {
		return nil, err
	}
	var fields []arrow.Field
	for {
		name, _, ok := strings.Cut(p.rest, ":")
		if !ok {
			return nil, fmt.Errorf("a struct's field needs a name and a colon")
		}
		p.rest = p.rest[len(name)+1:]
		t, err := p.parse(depth + 1)
		if err != nil {
			return nil, err
		}
		fields = append(fields, arrow.Field{Name: strings.TrimSpace(name), Type: t, Nullable: true})
		if p.accept(",") {
			continue
		}
		return arrow.StructOf(fields...), p.expect(">")
	}
}

func (p *typeParser) nested(name string, depth int) (arrow.DataType, error) {
	if err := p.expect("<"); err != nil {
		return nil, err
	}
	first, err := p.parse(depth + 1)
	if err != nil {
		return nil, err
	}
	if name == "map" || name == "dictionary" || name == "run_end_encoded" {
		return p.pair(name, first, depth)
	}
	if err := p.expect(">"); err != nil {
		return nil, err
	}
	switch name {
	case "list":
		return arrow.ListOf(first), nil
	case "large_list":
		return arrow.LargeListOf(first), nil
	case "list_view":
		return arrow.ListViewOf(first), nil
	case "large_list_view":
		return arrow.LargeListViewOf(first), nil
	}
	n, err := p.integers(1)
	if err != nil {
		return nil, err
	}
	return arrow.FixedSizeListOf(int32(n[0]), first), nil
}

func (p *typeParser) pair(name string, first arrow.DataType, depth int) (arrow.DataType, error) {
	if err := p.expect(","); err != nil {
		return nil, err
	}
	second, err := p.parse(depth + 1)
	if err != nil {
		return nil, err
	}
	if err := p.expect(">"); err != nil {
		return nil, err
	}
	switch {
	case name == "map":
		return arrow.MapOf(first, second), nil
	case name == "dictionary" && arrow.IsInteger(first.ID()):
		return &arrow.DictionaryType{IndexType: first, ValueType: second}, nil
	case name == "run_end_encoded" && arrow.IsSignedInteger(first.ID()) && first.ID() != arrow.INT8:
		return arrow.RunEndEncodedOf(first, second), nil
	}
	return nil, fmt.Errorf("%s cannot be indexed by %s", name, first)
}

// integers reads n positive numbers in parentheses; a decimal's scale may be
// zero.
func (p *typeParser) integers(n int) ([]int64, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	inner, rest, ok := strings.Cut(p.rest, ")")
	words := strings.Split(inner, ",")
	if !ok || len(words) != n {
		return nil, fmt.Errorf("want %d numbers in parentheses", n)
	}
	p.rest = rest
	out := make([]int64, n)
	for i, w := range words {
		v, err := strconv.ParseInt(strings.TrimSpace(w), 10, 32)
		if err != nil || v < 0 || (i == 0 && v == 0) {
			return nil, fmt.Errorf("%q is not a positive number", strings.TrimSpace(w))
		}
		out[i] = v
	}
	return out, nil
}

func (p *typeParser) bracketed() ([]string, error) {
	if err := p.expect("["); err != nil {
		return nil, err
	}
	inner, rest, ok := strings.Cut(p.rest, "]")
	args := strings.Split(inner, ",")
	if !ok || len(args) > 2 {
		return nil, fmt.Errorf("want a unit, and a time zone where there is one, in brackets")
	}
	p.rest = rest
	for i := range args {
		args[i] = strings.TrimSpace(args[i])
	}
	return args, nil
}

func (p *typeParser) word() string {
	s := p.skipSpace()
	end := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if end < 0 {
		end = len(s)
	}
	p.rest = s[end:]
	return s[:end]
}

func (p *typeParser) expect(token string) error {
	if !p.accept(token) {
		return fmt.Errorf("want %q before %q", token, p.rest)
	}
	return nil
}

func (p *typeParser) accept(token string) bool {
	rest, ok := strings.CutPrefix(p.skipSpace(), token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *typeParser) skipSpace() string {
	p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace)
	return p.rest
}
