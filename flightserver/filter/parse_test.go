package filter

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
)

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "id8", Type: arrow.PrimitiveTypes.Int8},
	{Name: "name", Type: arrow.BinaryTypes.String},
	{Name: "date", Type: arrow.FixedWidthTypes.Date32},
	{Name: "flag", Type: arrow.FixedWidthTypes.Boolean},
	{Name: "price", Type: &arrow.Decimal128Type{Precision: 5, Scale: 2}},
	{Name: "tags", Type: arrow.ListOf(arrow.BinaryTypes.String)},
	{Name: "twice", Type: arrow.PrimitiveTypes.Int8},
	{Name: "twice", Type: arrow.PrimitiveTypes.Int8},
	{Name: "at", Type: arrow.StructOf(arrow.Field{Name: "lat", Type: arrow.PrimitiveTypes.Float64})},
}, nil)

func TestRefusals(t *testing.T) {
	cases := map[string]struct {
		text     string
		position int
		message  string
	}{
		"Empty":            {"", 1, "it ends where a value should follow"},
		"Unclosed":         {"name = 'Arya", 8, "the quote ' is not closed"},
		"UnclosedBracket":  {"(id = 1", 8, "it ends where ) should follow"},
		"Leftover":         {"id = 1 id", 8, `want AND, OR or the end, not "id"`},
		"Symbol":           {"id ~ 1", 4, `"~" has no meaning here`},
		"CountsCharacters": {"name = 'ä' ~", 12, `"~" has no meaning here`},
		"NotANumber":       {"id = 1.2.3", 6, `"1.2.3" is no number`},
		"HugeNumber":       {"id = 1e999999999", 6, "is no number, or one of too many digits"},
		"Reserved":         {"id = AND", 6, "want a column or a value"},
		"NotWhat":          {"id NOT 1", 8, "want IN or BETWEEN"},
		"EmptyIn":          {"id IN ()", 8, "want a value"},
		"ColumnIn":         {"id IN (1, id8)", 11, "want a value"},
		"TooDeep":          {strings.Repeat("(", 100) + "flag", 66, "it nests deeper than 64"},
		"TooLong":          {strings.Repeat(" ", maxText+1), 1, "at most 65536 are read"},
		"NoColumn":         {"nme = 'Arya'", 1, `there is no column "nme"`},
		"NoField":          {"at.lon > 1", 1, `there is no column "at.lon"`},
		"NoStruct":         {"id.lon > 1", 1, `column "id" is int64 and has no fields`},
		"Ambiguous":        {"id = 1 OR twice = 1", 11, `there are several columns "twice"`},
		"TextForNumber":    {"id = '1'", 6, `column "id" is int64: want a number, not a text "1"`},
		"NumberForText":    {"name = 1", 8, `column "name" is utf8: want a text in single quotes, not a number "1"`},
		"NumberForDate":    {"date > 2013", 8, `column "date" is date32: want a date such as DATE '2013-01-31', not a number "2013"`},
		"BadDate":          {"date > '2013-02-30'", 8, `column "date" is date32: want a date`},
		"OrderedFlag":      {"flag < TRUE", 8, `column "flag" is bool: want TRUE or FALSE, compared by = or !=`},
		"NotAFlag":         {"id", 1, `column "id" is int64: want a number, not a boolean "TRUE"`},
		"List":             {"tags = 'a'", 1, `column "tags" is list<item: utf8, nullable>, which is only tested for NULL`},
		"EqualNull":        {"id = NULL", 6, `nothing is equal to NULL: ask whether the column "id" IS NULL`},
		"Values":           {"1 = 1", 1, "it compares two values: one side must be a column"},
		"LoneValue":        {"id = 1 AND 5", 12, "a number selects nothing by itself"},
		"Types":            {"id = id8", 1, `only columns of one type are compared`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := refusal(tc.text)
			var at *Error
			if !errors.As(err, &at) || at.Position != tc.position || !strings.Contains(at.Text, tc.message) {
				t.Errorf("error = %v, want position %d and %q", err, tc.position, tc.message)
			}
		})
	}
}

func refusal(text string) error {
	e, err := Parse(text)
	if err == nil {
		_, err = e.Bind(schema)
	}
	return err
}

func TestAccepted(t *testing.T) {
	for name, text := range map[string]string{
		"Keywords":       "id > 1 and not name in ('a', null) Or flag Is Not Null",
		"QuotedKeyword":  `"id" = 1`,
		"WordAsColumn":   "date >= DATE '2013-01-01'",
		"Nested":         `at.lat between -90 and 90 AND "at"."lat" != 0`,
		"NullOfAnything": "tags IS NULL",
		"ColumnPair":     "id = id AND price <= price",
		"Flag":           "flag AND NOT flag",
		"Constant":       "TRUE OR FALSE",
		"Spaces":         "\tid\n=\r1 ",
		"LongChain":      strings.Repeat("id = 1 OR ", 5000) + "flag",
	} {
		t.Run(name, func(t *testing.T) {
			if err := refusal(text); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestColumns(t *testing.T) {
	f := bind(t, "name = 'a' OR id > 1 OR at.lat > 0 OR name IS NULL", schema)
	if got := f.Columns(); len(got) != 3 || got[0] != 0 || got[1] != 2 || got[2] != 9 {
		t.Errorf("Columns() = %v, want [0 2 9]", got)
	}
}

// FuzzParse looks for texts that end the process, and for errors that are none
// of ours.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"id = 1", "name IN ('a', NULL) AND NOT flag", `"at"."lat" BETWEEN -1e3 AND .5`, "date < TIMESTAMP '2013-01-01 00:00Z'",
		"price <> 1.005 OR tags IS NOT NULL", "X'00' = name", "((((", "'", "1e", "id..", "NOT NOT TRUE",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		err := refusal(text)
		var at *Error
		if err != nil && !errors.As(err, &at) {
			t.Errorf("error %v has no position", err)
		}
		if at != nil && (at.Position < 1 || at.Position > len(text)+1) {
			t.Errorf("position %d of a text of %d bytes", at.Position, len(text))
		}
	})
}
