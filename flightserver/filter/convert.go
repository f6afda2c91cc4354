package filter

import (
	"encoding/hex"
	"math/big"
	"regexp"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// numbers are those whose exact value is small: an exponent of a few characters
// could else ask for all memory.
var numbers = regexp.MustCompile(`^[+-]?([0-9]{1,100}(\.[0-9]{0,100})?|\.[0-9]{1,100})([eE][+-]?[0-9]{1,3})?$`)

// number is the exact value of a number.
func (v value) number() (*big.Rat, bool) {
	if !numbers.MatchString(v.text) {
		return nil, false
	}
	return new(big.Rat).SetString(v.text)
}

// float is the nearest number of as many bits; false where it would be infinite.
func (v value) float(bits int) (float64, bool) {
	f, err := strconv.ParseFloat(v.text, bits)
	return f, err == nil
}

// bytes of a text or of what X'…' says.
func (v value) bytes() ([]byte, bool) {
	switch v.kind {
	case valueText:
		return []byte(v.text), true
	case valueBytes:
		b, err := hex.DecodeString(v.text)
		return b, err == nil
	default:
		return nil, false
	}
}

// Spellings of times, the ones with an offset from UTC first.
var (
	zonedLayouts = []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02 15:04Z07:00"}
	localLayouts = []string{"2006-01-02", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04"}
	clockLayouts = []string{"15:04:05.999999999", "15:04"}
)

// nanoseconds gives the nanoseconds that a value of a temporal type means,
// since the epoch or midnight where it is no duration. A time without an offset
// is taken as it stands, which is UTC where the column has a time zone.
func (v value) nanoseconds(t arrow.DataType) (*big.Int, bool) {
	switch t := t.(type) {
	case *arrow.DurationType:
		d, err := time.ParseDuration(v.text)
		return big.NewInt(int64(d)), v.kind == valueText && err == nil
	case *arrow.Time32Type, *arrow.Time64Type:
		if v.kind != valueText && v.kind != valueTime {
			return nil, false
		}
		clock, ok := parseTime(v.text, clockLayouts)
		return big.NewInt(int64(clock.Sub(midnight))), ok
	case *arrow.TimestampType:
		if t.TimeZone != "" {
			if ns, ok := v.instant(zonedLayouts); ok {
				return ns, true
			}
		}
	}
	return v.instant(localLayouts)
}

func (v value) instant(layouts []string) (*big.Int, bool) {
	switch v.kind {
	case valueDate:
		layouts = localLayouts[:1]
	case valueText, valueTimestamp:
	default:
		return nil, false
	}
	t, ok := parseTime(v.text, layouts)
	ns := new(big.Int).Mul(big.NewInt(t.Unix()), big.NewInt(int64(time.Second)))
	return ns.Add(ns, big.NewInt(int64(t.Nanosecond()))), ok
}

// midnight is where times of day begin, as package time reads them.
var midnight = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)

func parseTime(text string, layouts []string) (time.Time, bool) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
