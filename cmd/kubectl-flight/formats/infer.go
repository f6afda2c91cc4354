package formats

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// sampleBytes of a text are looked at to infer the types of its columns.
const sampleBytes = 8 << 20

// sample gives the whole lines among the first bytes of r, and a reader of all
// of r.
func sample(r io.Reader) ([]byte, *bufio.Reader, error) {
	b := bufio.NewReaderSize(r, sampleBytes)
	head, err := b.Peek(sampleBytes)
	if err == nil { // there is more: the last line may be cut
		return head[:bytes.LastIndexByte(head, '\n')+1], b, nil
	}
	if !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	return head, b, nil
}

// kind is what all values of a text column have in common.
type kind int

const (
	unknown kind = iota // nothing but nulls so far
	boolean
	integer
	float
	date
	timestampMicro // without a zone, at most six digits of a second
	timestampNano
	instantMicro // with a zone
	instantNano
	text
)

// kindTypes are the types that columns of each kind get.
var kindTypes = map[kind]arrow.DataType{
	unknown:        arrow.BinaryTypes.String,
	boolean:        arrow.FixedWidthTypes.Boolean,
	integer:        arrow.PrimitiveTypes.Int64,
	float:          arrow.PrimitiveTypes.Float64,
	date:           arrow.FixedWidthTypes.Date32,
	timestampMicro: &arrow.TimestampType{Unit: arrow.Microsecond},
	timestampNano:  &arrow.TimestampType{Unit: arrow.Nanosecond},
	instantMicro:   &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
	instantNano:    &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"},
	text:           arrow.BinaryTypes.String,
}

// widenings are the pairs of kinds that something narrower than text holds.
var widenings = map[[2]kind]kind{
	{integer, float}:                float,
	{date, timestampMicro}:          timestampMicro,
	{date, timestampNano}:           timestampNano,
	{timestampMicro, timestampNano}: timestampNano,
	{instantMicro, instantNano}:     instantNano,
}

// widen gives the kind that holds values of both.
func widen(a, b kind) kind {
	switch {
	case a == b, b == unknown:
		return a
	case a == unknown:
		return b
	}
	if k, ok := widenings[[2]kind{min(a, b), max(a, b)}]; ok {
		return k
	}
	return text
}

// kindOf tells what an unquoted value, such as a cell of a CSV file, looks like.
func kindOf(s string) kind {
	switch {
	case strings.EqualFold(s, "true"), strings.EqualFold(s, "false"):
		return boolean
	case isInteger(s):
		return integer
	case isFloat(s):
		return float
	}
	return timeKind(s)
}

// timeKind tells whether a string is a date or a time, or else text.
func timeKind(s string) kind {
	if len(s) < len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return text
	}
	if _, err := time.Parse(time.DateOnly, s); err == nil {
		return date
	}
	micro, nano := timestampMicro, timestampNano
	at, zoned, err := arrow.TimestampFromStringInLocation(s, arrow.Nanosecond, time.UTC)
	if zoned {
		micro, nano = instantMicro, instantNano
	}
	switch {
	case err == nil && at%1000 != 0:
		return nano
	case err == nil:
		return micro
	}
	// Nanoseconds do not reach beyond the years 1678 to 2261.
	if _, _, err := arrow.TimestampFromStringInLocation(s, arrow.Microsecond, time.UTC); err == nil {
		return micro
	}
	return text
}

// isInteger refuses leading zeros, which a number would lose: they stand in
// codes such as 01234.
func isInteger(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if len(digits) > 1 && digits[0] == '0' || strings.HasPrefix(s, "+") {
		return false
	}
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

// isFloat refuses what only looks like a number: codes with leading zeros,
// integers that a float would round, and Go's own spellings.
func isFloat(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	switch {
	case strings.HasPrefix(s, "+"), strings.ContainsAny(s, "xX_"):
		return false
	case len(digits) > 1 && digits[0] == '0' && digits[1] != '.' && digits[1]|0x20 != 'e':
		return false
	case strings.Trim(digits, "0123456789") == "":
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}
