package formats

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestFaults(t *testing.T) {
	long := strings.Repeat("1\n", sampleBytes/2)
	tests := map[string]struct {
		reason  string
		format  Format
		content string
		want    []string
	}{
		"EmptyCSV":        {"there are no names of columns", CSV, "", []string{"empty"}},
		"EmptyJSON":       {"there are no columns", JSONLines, "", []string{"empty"}},
		"EmptyParquet":    {"there is no footer", Parquet, "", []string{"empty"}},
		"BlankJSON":       {"lines without anything have no columns", JSONLines, "\n\n", []string{"no line names a column"}},
		"MoreFields":      {"a row with more fields than columns", CSV, "a,b\n1,2\n1,2,3\n", []string{"line 3", "more or fewer fields"}},
		"BareQuote":       {"a quote inside a field", CSV, "a\nx\"y\n", []string{"line 2"}},
		"TwiceNamed":      {"which column is meant?", CSV, "a,a\n1,2\n", []string{"line 1", `column "a" twice`}},
		"LateText":        {"the sample had numbers only", CSV, "a\n" + long + "x\n", []string{"line 4194306", `column "a"`, `"x"`, "--type 'a=utf8'"}},
		"Latin1":          {"text must be UTF-8", CSV, "a\n\xe4\n", []string{"line 2", "iconv"}},
		"NotJSON":         {"the second line is cut", JSONLines, "{\"a\": 1}\n{\"a\": \n", []string{"line 2", "does not end on its line"}},
		"Syntax":          {"the place is told", JSONLines, "{\"a\": 1}\n{\"a\" 1}\n", []string{"line 2", "byte 6"}},
		"JSONArray":       {"a common mistake", JSONLines, "[{\"a\": 1}]", []string{"JSON array", "jq"}},
		"NotObject":       {"a row is an object", JSONLines, "{\"a\": 1}\n3\n", []string{"line 2", "not a JSON object"}},
		"TwoOnALine":      {"two rows", JSONLines, "{\"a\": 1} {\"a\": 2}\n", []string{"line 1", "after top-level value"}},
		"KeyTwice":        {"which value is meant?", JSONLines, "{\"a\": 1, \"a\": 2}\n", []string{"line 1", `key "a" appears twice`}},
		"JSONLatin1":      {"text must be UTF-8", JSONLines, "{\"a\": \"\xe4\"}\n", []string{"line 1", "iconv"}},
		"NotParquet":      {"another format", Parquet, "PAR2 something", []string{"not a whole Parquet file"}},
		"NotArrow":        {"another format", Arrow, "something else", []string{"not an Arrow IPC"}},
		"ArrowMagicAlone": {"a file that ends at once", Arrow, "ARROW1\x00\x00", []string{"not a whole Arrow IPC file"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			path := textFile(t, "data", tc.content)
			_, _, err := readAll(Source{Path: path, Format: tc.format}, ReadOptions{})
			if err == nil {
				t.Fatalf("%s: no error", tc.reason)
			}
			for _, part := range append(tc.want, path) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: %q does not say %q", tc.reason, err, part)
				}
			}
		})
	}
}

// A key that appears behind the sample must not be lost without a word.
func TestLateKey(t *testing.T) {
	line := `{"a": "` + strings.Repeat("x", 1<<20) + "\"}\n"
	path := textFile(t, "data", strings.Repeat(line, 9)+`{"a": "x", "late": 1}`)
	_, _, err := readAll(Source{Path: path, Format: JSONLines}, ReadOptions{})
	if err == nil || !strings.Contains(err.Error(), `line 10: key "late"`) {
		t.Fatalf("got %v", err)
	}
	types, err := ParseTypes([]string{"late=int64"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := readAll(Source{Path: path, Format: JSONLines}, ReadOptions{Types: types}); err != nil {
		t.Error(err)
	}
}

// However much of a file is lost, it is never taken for a whole one, and the
// decoders' panics are errors.
func TestTruncated(t *testing.T) {
	schema := sampleSchema()
	rec := batch(t, schema, sampleRows)
	for _, f := range []Format{Parquet, Arrow} {
		whole, err := os.ReadFile(writeFile(t, f, schema, rec, rec))
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(whole); n += 7 {
			path := textFile(t, "cut", string(whole[:n]))
			if _, _, err := readAll(Source{Path: path, Format: f}, ReadOptions{}); err == nil {
				t.Errorf("%s: the first %d of %d bytes were taken for a file", f, n, len(whole))
			}
			stdin := Source{Path: Stdin, Format: f, Stdin: bytes.NewReader(whole[:n])}
			if _, _, err := readAll(stdin, ReadOptions{}); err == nil {
				t.Errorf("%s: the first %d of %d bytes of standard input were taken for a file", f, n, len(whole))
			}
		}
	}
}

// A change of any byte gives rows or an error, never a panic.
func TestFlippedBytes(t *testing.T) {
	schema := sampleSchema()
	whole, err := os.ReadFile(writeFile(t, Parquet, schema, batch(t, schema, sampleRows)))
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		damaged := bytes.Clone(whole)
		damaged[n] ^= 0x55
		_, _, _ = readAll(Source{Path: textFile(t, "damaged", string(damaged)), Format: Parquet}, ReadOptions{})
	}
}

func TestMissingFile(t *testing.T) {
	if _, err := Open(Source{Path: "/no/such/file", Format: CSV}, ReadOptions{}); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
	dir := t.TempDir()
	if _, err := Open(Source{Path: dir, Format: CSV}, ReadOptions{}); err == nil || !strings.Contains(err.Error(), dir+"/*.parquet") {
		t.Errorf("got %v", err)
	}
}
