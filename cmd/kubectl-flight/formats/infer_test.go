package formats

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// typesOf reads a text and gives its columns with their types.
func typesOf(t *testing.T, f Format, content string, flags ...string) []string {
	t.Helper()
	types, err := ParseTypes(flags)
	if err != nil {
		t.Fatal(err)
	}
	schema, _, err := readAll(Source{Path: textFile(t, "data", content), Format: f}, ReadOptions{Types: types})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, field := range schema.Fields() {
		got = append(got, fmt.Sprintf("%s %s", field.Name, field.Type))
	}
	return got
}

func TestInferCSV(t *testing.T) {
	tests := map[string]struct {
		reason string
		values string // of one column, a line each
		want   string
	}{
		"Integers":       {"numbers", "1\n-2\n\"\"\n", "int64"},
		"Floats":         {"a fraction widens", "1\n2.5\n", "float64"},
		"Exponent":       {"scientific notation", "1e3\n0e0\n", "float64"},
		"NaN":            {"not a number is one", "1.5\nNaN\n", "float64"},
		"LeadingZeros":   {"codes are no numbers", "01234\n98765\n", "utf8"},
		"Huge":           {"a float would round it", "12345678901234567890\n", "utf8"},
		"Plus":           {"telephone numbers", "+49\n", "utf8"},
		"Hex":            {"codes", "0x1F\n", "utf8"},
		"Booleans":       {"any case", "true\nFALSE\n", "bool"},
		"Mixed":          {"text holds everything", "true\n1\n", "utf8"},
		"Dates":          {"ISO dates", "2013-01-02\n", "date32"},
		"Timestamps":     {"with either separator", "2013-01-02 03:04:05\n2013-01-02T03:04\n", "timestamp[us]"},
		"DateAndTime":    {"a date is a midnight", "2013-01-02\n2013-01-02 03:04:05\n", "timestamp[us]"},
		"Nanoseconds":    {"nothing is cut off", "2013-01-02 03:04:05.000000001\n", "timestamp[ns]"},
		"Zoned":          {"any offset is an instant", "2013-01-02T03:04:05Z\n2013-01-02T03:04:05+02:00\n", "timestamp[us, tz=UTC]"},
		"ZonedAndLocal":  {"they cannot be compared", "2013-01-02T03:04:05Z\n2013-01-02T03:04:05\n", "utf8"},
		"FarFuture":      {"beyond what nanoseconds reach", "9999-12-31 00:00:00\n", "timestamp[us]"},
		"ImpossibleDate": {"no such day", "2013-02-30\n", "utf8"},
		"OnlyNulls":      {"nothing is known", "\"\"\n", "utf8"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff([]string{"c " + tc.want}, typesOf(t, CSV, "c\n"+tc.values)); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestInferJSON(t *testing.T) {
	tests := map[string]struct {
		reason string
		lines  string
		want   []string
	}{
		"Order":     {"columns come as they appear", `{"z": 1, "a": true}` + "\n" + `{"m": null, "z": 2}`, []string{"z int64", "a bool", "m utf8"}},
		"Numbers":   {"integers and fractions", `{"a": 1}` + "\n" + `{"a": 1.5}`, []string{"a float64"}},
		"QuotedInt": {"a string is a string", `{"a": "1"}`, []string{"a utf8"}},
		"Times":     {"strings in ISO form", `{"a": "2013-01-02T03:04:05Z"}`, []string{"a timestamp[us, tz=UTC]"}},
		"Nested":    {"lists and objects", `{"a": [{"b": [1.5]}]}`, []string{"a list<item: struct<b: list<item: float64, nullable> nullable>, nullable>"}},
		"EmptyList": {"nothing is known of its items", `{"a": []}`, []string{"a list<item: utf8, nullable>"}},
		"NoFields":  {"no format has a struct without fields", `{"a": {}}`, []string{"a utf8"}},
		"Mixed":     {"what mixes is kept as JSON", `{"a": 1}` + "\n" + `{"a": {"b": 2}}`, []string{"a utf8"}},
		"Escapes":   {"names are decoded", `{"\u0061\"": 1}`, []string{`a" int64`}},
		"HugeInt":   {"a float would round it", `{"a": 12345678901234567890}`, []string{"a utf8"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, typesOf(t, JSONLines, tc.lines)); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestMixedJSONKeepsItsText(t *testing.T) {
	path := textFile(t, "data", `{"a": 1}`+"\n"+`{"a": {"b":  [2]}}`+"\n"+`{"a": "x\ny"}`+"\n"+`{"a": true}`)
	_, recs, err := readAll(Source{Path: path, Format: JSONLines}, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range int(recs[0].NumRows()) {
		got = append(got, recs[0].Column(0).ValueStr(i))
	}
	if diff := cmp.Diff([]string{"1", `{"b":  [2]}`, "x\ny", "true"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTypesThatAreSaid(t *testing.T) {
	got := typesOf(t, CSV, "a,b=c,d,e\n1,1,1.50,2013-01-02 03:04:05\n",
		"a=utf8", "b=c=int8", "d=decimal128(10, 2)", "e=timestamp[ms]")
	want := []string{"a utf8", "b=c int8", "d decimal(10, 2)", "e timestamp[ms]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, flag := range []string{"a", "=int64", "a=int65", "a=timestamp[us, Mars/Base]", "a=decimal128(999, 2)"} {
		if _, err := ParseTypes([]string{flag}); err == nil {
			t.Errorf("--type %q was taken", flag)
		}
	}
}
