package server

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"pgregory.net/rapid"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/filter"
)

// TestPrunedBatchesAreNotRead damages a batch on the disk, which only those
// notice who read it.
func TestPrunedBatchesAreNotRead(t *testing.T) {
	s := testSettings(t)
	srv, stop := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("n"), records: []arrow.RecordBatch{characters(t, "Arya"), characters(t, "Hodor"), characters(t, "Sansa")}}))
	stop()
	damage(t, s.DataDir, "Hodor")
	srv, _ = start(t, s)
	client = connect(t, srv.URI(), nil, "")

	for _, text := range []string{"character < 'B'", "character > 'S'", "NOT character BETWEEN 'B' AND 'R'"} {
		selecting := fmt.Sprintf(`{"dataset": "n", "filter": %q}`, text)
		if got := must[table](t)(doGet(t.Context(), client, []byte(selecting))); got.rows == 0 || slices.Contains(got.values(), "Hodor") {
			t.Errorf("%s gives %v", text, got.values())
		}
		if info := pollToTheEnd(t, client, command(selecting)); info.GetTotalRecords() == 0 {
			t.Errorf("a poll of %s counts nothing", text)
		}
	}
	for _, whole := range []string{`n`, `{"dataset": "n", "filter": "character != 'B'"}`} {
		_, err := doGet(t.Context(), client, []byte(whole))
		wantStatus(t, err, codes.DataLoss, `dataset "n"`)
	}
}

// damage changes a text in the one segment that has it.
func damage(t *testing.T, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(file)
		at := bytes.Index(content, []byte(text))
		if err != nil || at < 0 || strings.HasSuffix(file, ".sum") {
			return err
		}
		content[at]++
		return os.WriteFile(file, content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// clustered has columns whose values of a batch lie close together, as those of
// sorted data do: a number from 0 to 9 makes each.
var clustered = []struct {
	name    string
	kind    arrow.DataType
	add     func(b array.Builder, n int)
	literal func(n int) string
}{
	{
		"i", arrow.PrimitiveTypes.Int16, func(b array.Builder, n int) { b.(*array.Int16Builder).Append(int16(3*n - 10)) },
		func(n int) string { return fmt.Sprint(3*n - 10) },
	},
	{
		"u", arrow.PrimitiveTypes.Uint64, func(b array.Builder, n int) { b.(*array.Uint64Builder).Append(math.MaxUint64 - uint64(n)) },
		func(n int) string { return fmt.Sprint(math.MaxUint64 - uint64(n)) },
	},
	{
		"f", arrow.PrimitiveTypes.Float64, func(b array.Builder, n int) { b.(*array.Float64Builder).Append(float(n)) },
		func(n int) string { return fmt.Sprintf("%.1f", 0.5*float64(n)) },
	},
	{
		"g", arrow.PrimitiveTypes.Float32, func(b array.Builder, n int) { b.(*array.Float32Builder).Append(float32(float(n))) },
		func(n int) string { return fmt.Sprintf("%.1f", 0.5*float64(n)) },
	},
	{"d", &arrow.Decimal128Type{Precision: 30, Scale: 2}, func(b array.Builder, n int) {
		b.(*array.Decimal128Builder).Append(decimal128.FromI64(int64(n - 5)))
	}, func(n int) string { return fmt.Sprintf("%.3f", float64(n-5)/100) }},
	{
		"at", arrow.FixedWidthTypes.Timestamp_ms, func(b array.Builder, n int) { b.(*array.TimestampBuilder).Append(arrow.Timestamp(day(n).UnixMilli())) },
		func(n int) string { return "'" + day(n).Format(time.RFC3339) + "'" },
	},
	{
		"day", arrow.FixedWidthTypes.Date32, func(b array.Builder, n int) { b.(*array.Date32Builder).Append(arrow.Date32FromTime(day(n))) },
		func(n int) string { return "DATE '" + day(n).Format(time.DateOnly) + "'" },
	},
	{
		"short", arrow.BinaryTypes.String, func(b array.Builder, n int) { b.(*array.StringBuilder).Append(strings.Repeat("a", n)) },
		func(n int) string { return "'" + strings.Repeat("a", n) + "'" },
	},
	{
		"long", arrow.BinaryTypes.LargeString, func(b array.Builder, n int) { b.(*array.LargeStringBuilder).Append(long(n)) },
		func(n int) string { return "'" + long(n) + "'" },
	},
	{
		"high", arrow.BinaryTypes.Binary, func(b array.Builder, n int) { b.(*array.BinaryBuilder).Append(bytes.Repeat([]byte{0xff}, 60+n)) },
		func(n int) string { return fmt.Sprintf("X'%x'", bytes.Repeat([]byte{0xff}, 60+n)) },
	},
	{
		"flag", arrow.FixedWidthTypes.Boolean, func(b array.Builder, n int) { b.(*array.BooleanBuilder).Append(n > 4) },
		func(n int) string { return fmt.Sprint(n > 4) },
	},
}

func float(n int) float64 {
	if n == 9 {
		return math.NaN()
	}
	return 0.5 * float64(n)
}

func day(n int) time.Time { return time.Date(1969, 12, 28+n, 0, 0, 0, 0, time.UTC) }

// long is a text whose bound is cut where it tells least.
func long(n int) string { return strings.Repeat("z", 62+n/3) + string(rune('a'+n)) }

func drawBatch(t *rapid.T) arrow.RecordBatch {
	var fields []arrow.Field
	for _, c := range clustered {
		fields = append(fields, arrow.Field{Name: c.name, Type: c.kind, Nullable: true})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	rows := rapid.IntRange(0, 4).Draw(t, "rows")
	for i, c := range clustered {
		center, nulls := rapid.IntRange(0, 7).Draw(t, c.name), rapid.IntRange(0, 4).Draw(t, "nulls")
		for range rows {
			if rapid.IntRange(1, 4).Draw(t, "null") <= nulls {
				b.Field(i).AppendNull()
				continue
			}
			c.add(b.Field(i), center+rapid.IntRange(0, 2).Draw(t, "value"))
		}
	}
	return b.NewRecordBatch()
}

func drawFilter(t *rapid.T, depth int) string {
	c := rapid.SampledFrom(clustered).Draw(t, "column")
	literal := func() string { return c.literal(rapid.IntRange(0, 9).Draw(t, "literal")) }
	operators := []string{"=", "!=", "<", "<=", ">", ">="}
	if c.name == "flag" {
		operators = operators[:2]
	}
	compare := c.name + " " + rapid.SampledFrom(operators).Draw(t, "operator") + " " + literal()
	switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
	case kind == 0:
		return c.name + " IS NULL"
	case kind == 1:
		return c.name + " IN (" + literal() + ", " + literal() + ")"
	case depth == 0 || kind == 2:
		return compare
	case kind == 3:
		return "NOT (" + drawFilter(t, depth-1) + ")"
	case kind == 4:
		return "(" + drawFilter(t, depth-1) + " OR " + compare + ")"
	default:
		return "(" + drawFilter(t, depth-1) + " AND " + compare + ")"
	}
}

// TestPruningChangesNothing compares what is read with pruning with what is
// selected of all batches.
func TestPruningChangesNothing(t *testing.T) {
	c := must[*catalog.Catalog](t)(catalog.Open(t.Context(), catalog.Options{Dir: t.TempDir()}))
	defer c.Close()
	pruned := int64(0)
	rapid.Check(t, func(t *rapid.T) {
		batches := rapid.SliceOfN(rapid.Custom(drawBatch), 1, 4).Draw(t, "batches")
		u, err := c.NewUpload(t.Context(), catalog.UploadRequest{Path: []string{"n"}, Schema: batches[0].Schema()})
		if err != nil {
			t.Fatal(err)
		}
		for _, batch := range batches {
			if err := u.Write(batch); err != nil {
				t.Fatal(err)
			}
		}
		d, err := u.Commit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			text := drawFilter(t, 2)
			want, got := selectedOf(t, batches, text), prunedOf(t, c, d, text, &pruned)
			if !slices.Equal(want, got) {
				t.Fatalf("%s gives %v, want %v of %v", text, got, want, batches)
			}
		}
	})
	if pruned == 0 {
		t.Error("nothing was pruned")
	}
}

// selectedOf gives the rows of the batches that a filter selects, as texts.
func selectedOf(t *rapid.T, batches []arrow.RecordBatch, text string) []string {
	var rows []string
	for _, batch := range batches {
		rows = append(rows, rowsOf(t, batch, text)...)
	}
	return rows
}

// prunedOf gives what is selected of a version, and counts the rows that were
// not looked at for it.
func prunedOf(t *rapid.T, c *catalog.Catalog, d catalog.Dataset, text string, pruned *int64) []string {
	scan, err := c.Scan(t.Context(), d.ID, d.Version, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Release()
	scan.Prune(keeper(t.Context(), bound(t, text, d.Schema), d.Schema, func(n int64) { *pruned += n }))
	var rows []string
	records := scan.Records()
	for records.Next() {
		rows = append(rows, rowsOf(t, records.RecordBatch(), text)...)
	}
	if err := records.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func rowsOf(t *rapid.T, batch arrow.RecordBatch, text string) []string {
	mask, err := bound(t, text, batch.Schema()).Mask(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	defer mask.Release()
	var rows []string
	for i := range int(batch.NumRows()) {
		if !mask.IsValid(i) || !mask.Value(i) {
			continue
		}
		var row []string
		for _, column := range batch.Columns() {
			row = append(row, column.ValueStr(i))
		}
		rows = append(rows, strings.Join(row, " "))
	}
	return rows
}

func bound(t *rapid.T, text string, schema *arrow.Schema) *filter.Filter {
	f, err := bindFilter(text, schema)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f
}

func pollToTheEnd(t *testing.T, client flight.Client, descriptor *flight.FlightDescriptor) *flight.FlightInfo {
	t.Helper()
	for {
		poll := must[*flight.PollInfo](t)(client.PollFlightInfo(t.Context(), descriptor))
		if descriptor = poll.GetFlightDescriptor(); descriptor == nil {
			return poll.GetInfo()
		}
	}
}
