package formats

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// simpleTypes are the types that a name alone tells.
var simpleTypes = map[string]arrow.DataType{
	"bool": arrow.FixedWidthTypes.Boolean,
	"int8": arrow.PrimitiveTypes.Int8, "int16": arrow.PrimitiveTypes.Int16,
	"int32": arrow.PrimitiveTypes.Int32, "int64": arrow.PrimitiveTypes.Int64,
	"uint8": arrow.PrimitiveTypes.Uint8, "uint16": arrow.PrimitiveTypes.Uint16,
	"uint32": arrow.PrimitiveTypes.Uint32, "uint64": arrow.PrimitiveTypes.Uint64,
	"float32": arrow.PrimitiveTypes.Float32, "float64": arrow.PrimitiveTypes.Float64,
	"utf8": arrow.BinaryTypes.String, "binary": arrow.BinaryTypes.Binary,
	"date32": arrow.FixedWidthTypes.Date32,
}

var units = map[string]arrow.TimeUnit{
	"s": arrow.Second, "ms": arrow.Millisecond, "us": arrow.Microsecond, "ns": arrow.Nanosecond,
}

var (
	timestampType = regexp.MustCompile(`^timestamp\[(s|ms|us|ns)(?:, *([^\]]+))?\]$`)
	decimalType   = regexp.MustCompile(`^decimal128\((\d+), *(\d+)\)$`)
)

// ParseTypes reads flags of the form COLUMN=TYPE.
func ParseTypes(flags []string) (map[string]arrow.DataType, error) {
	types := make(map[string]arrow.DataType, len(flags))
	for _, f := range flags {
		// A column's name may hold a "=", a type does not.
		at := strings.LastIndex(f, "=")
		if at < 1 {
			return nil, fmt.Errorf("--type %q: say COLUMN=TYPE, such as delay=float64", f)
		}
		t, err := parseType(strings.TrimSpace(f[at+1:]))
		if err != nil {
			return nil, fmt.Errorf("--type %q: %w", f, err)
		}
		types[f[:at]] = t
	}
	return types, nil
}

func parseType(name string) (arrow.DataType, error) {
	if t, ok := simpleTypes[name]; ok {
		return t, nil
	}
	if m := timestampType.FindStringSubmatch(name); m != nil {
		t := &arrow.TimestampType{Unit: units[m[1]], TimeZone: m[2]}
		if _, err := t.GetZone(); err != nil {
			return nil, fmt.Errorf("time zone %q is not known", m[2])
		}
		return t, nil
	}
	if m := decimalType.FindStringSubmatch(name); m != nil {
		// Numbers that are too large fail the check of the precision.
		precision, _ := strconv.Atoi(m[1])
		scale, _ := strconv.Atoi(m[2])
		return arrow.NewDecimalType(arrow.DECIMAL128, int32(min(precision, 1000)), int32(min(scale, 1000)))
	}
	return nil, fmt.Errorf("type %q is not known; choose one of bool, int8 to int64, uint8 to uint64, float32, float64, "+
		"utf8, binary, date32, timestamp[UNIT], timestamp[UNIT, ZONE], decimal128(PRECISION, SCALE)", name)
}
