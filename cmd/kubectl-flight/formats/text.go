package formats

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

var errNotUTF8 = errors.New("the text is not UTF-8; convert the file, for example with iconv -f latin1 -t utf8")

// appendText parses a value from its text.
func appendText(b array.Builder, s string) error {
	var err error
	switch b := b.(type) {
	case *array.StringBuilder:
		if !utf8.ValidString(s) {
			return errNotUTF8
		}
		b.Append(s)
		return nil
	case *array.Int64Builder:
		var n int64
		if n, err = strconv.ParseInt(s, 10, 64); err == nil {
			b.Append(n)
		}
	case *array.BooleanBuilder:
		return appendBool(b, s)
	default:
		if s == array.NullValueStr { // the builders would take it for a null
			err = arrow.ErrInvalid
		} else {
			err = b.AppendValueFromString(s)
		}
	}
	if err != nil {
		return fmt.Errorf("%q is not of type %s", shorten(s), b.Type())
	}
	return nil
}

func appendBool(b *array.BooleanBuilder, s string) error {
	switch {
	case strings.EqualFold(s, "true"):
		b.Append(true)
	case strings.EqualFold(s, "false"):
		b.Append(false)
	default:
		return fmt.Errorf("%q is not of type bool", shorten(s))
	}
	return nil
}

// shorten keeps a value short enough for a message.
func shorten(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// valueText is the text of a value that is not null.
func valueText(a arrow.Array, i int) string {
	if ts, ok := a.(*array.Timestamp); ok {
		return timestampText(ts, i)
	}
	return a.ValueStr(i)
}

// timestampText writes a zone only where the type has one. Arrow's own text
// has a Z for both, and so would be read back as another type.
func timestampText(a *array.Timestamp, i int) string {
	t := a.DataType().(*arrow.TimestampType)
	toTime, err := t.GetToTimeFunc()
	if err != nil { // a zone that this machine does not know
		toTime = func(ts arrow.Timestamp) time.Time { return ts.ToTime(t.Unit) }
	}
	layout := "2006-01-02T15:04:05.999999999"
	if t.TimeZone != "" {
		layout += "Z07:00"
	}
	return toTime(a.Value(i)).Format(layout)
}
