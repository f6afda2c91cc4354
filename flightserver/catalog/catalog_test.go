package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKeep = time.Hour

// testSchema is what most tests store.
var testSchema = arrow.NewSchema([]arrow.Field{
	{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
}, nil)

func testRecord(schema *arrow.Schema, numbers ...int64) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for _, n := range numbers {
		b.Field(0).(*array.Int64Builder).Append(n)
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprint("row ", n))
	}
	return b.NewRecordBatch()
}

func testOptions(fs vfs.FS) Options {
	return Options{
		Dir: "data", FS: fs, KeepSuperseded: testKeep, Clock: testclock.NewFakeClock(time.Unix(1e9, 0)), foreground: true,
	}
}

func mustOpen(t *testing.T, o Options) *Catalog {
	t.Helper()
	c, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func mustClose(t *testing.T, c *Catalog) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// put uploads one record of the numbers.
func put(ctx context.Context, c *Catalog, name string, mode Mode, numbers ...int64) (Dataset, error) {
	return putID(ctx, c, name, mode, "", numbers...)
}

func putID(ctx context.Context, c *Catalog, name string, mode Mode, id string, numbers ...int64) (_ Dataset, err error) {
	u, err := c.NewUpload(ctx, UploadRequest{Path: strings.Split(name, "/"), Mode: mode, UploadID: id, Schema: testSchema})
	if err != nil {
		return Dataset{}, err
	}
	defer func() { err = errors.Join(err, u.Abort()) }()
	rec := testRecord(testSchema, numbers...)
	defer rec.Release()
	if err := u.Write(rec); err != nil {
		return Dataset{}, err
	}
	return u.Commit(ctx)
}

func mustPut(t *testing.T, c *Catalog, name string, mode Mode, numbers ...int64) Dataset {
	t.Helper()
	d, err := put(t.Context(), c, name, mode, numbers...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// get reads the numbers of one version.
func get(ctx context.Context, c *Catalog, d Dataset) ([]int64, error) {
	numbers := []int64{}
	for partition := range max(1, len(d.Partitions)) {
		scan, err := c.Scan(ctx, d.ID, d.Version, partition)
		if err != nil {
			return nil, err
		}
		part, err := drain(scan.Records())
		scan.Release()
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, part...)
	}
	return numbers, nil
}

func drain(r array.RecordReader) ([]int64, error) {
	numbers := []int64{}
	for r.Next() {
		column := r.RecordBatch().Column(0).(*array.Int64)
		numbers = append(numbers, column.Int64Values()...)
		for i := range column.Len() {
			if got := r.RecordBatch().Column(1).(*array.String).Value(i); got != fmt.Sprint("row ", column.Value(i)) {
				return nil, fmt.Errorf("row %d says %q", column.Value(i), got)
			}
		}
	}
	return numbers, r.Err()
}

func mustGet(t *testing.T, c *Catalog, d Dataset) []int64 {
	t.Helper()
	numbers, err := get(t.Context(), c, d)
	if err != nil {
		t.Fatal(err)
	}
	return numbers
}

func wantNumbers(t *testing.T, got []int64, want ...int64) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read %v, want %v", got, want)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestUploads(t *testing.T) {
	for _, name := range []string{"nyc/trips", "uploaded.parquet", "daß/ist/ein.arrow", "a b/c"} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMemory()
			c := mustOpen(t, testOptions(fs))
			_, err := put(t.Context(), c, name, ModeAppend, 1)
			wantError(t, err, ErrDatasetNotFound)

			v1 := mustPut(t, c, name, ModeCreate, 1, 2)
			_, err = put(t.Context(), c, name, ModeCreate, 9)
			wantError(t, err, ErrDatasetExists)
			v2 := mustPut(t, c, name, ModeAppend, 3)
			v3 := mustPut(t, c, name, ModeReplace, 4)
			v4 := mustPut(t, c, name, "", 5)

			for reopened := range 2 {
				wantNumbers(t, mustGet(t, c, v1), 1, 2)
				wantNumbers(t, mustGet(t, c, v2), 1, 2, 3)
				wantNumbers(t, mustGet(t, c, v3), 4)
				wantNumbers(t, mustGet(t, c, v4), 5)
				d, err := c.Dataset(name)
				if err != nil || d.Version != 4 || d.Rows != 1 || d.Bytes == 0 || d.Name() != name {
					t.Errorf("newest is %+v, %v", d, err)
				}
				if v2.Rows != 3 || v2.Version != 2 || v2.ID != v4.ID || !d.Schema.Equal(testSchema) {
					t.Errorf("versions are %+v and %+v", v2, v4)
				}
				if reopened == 0 {
					mustClose(t, c)
					c = mustOpen(t, testOptions(fs))
				}
			}
		})
	}
}

func TestFormat(t *testing.T) {
	c := mustOpen(t, testOptions(vfs.NewMemory()))
	for name, want := range map[string]string{
		"a.parquet": settings.FormatParquet, "a.arrow": settings.FormatArrow, "a/parquet": settings.FormatArrow,
	} {
		if d := mustPut(t, c, name, ModeCreate, 1); d.Format != want {
			t.Errorf("%s is %s, want %s", name, d.Format, want)
		}
	}
	d, err := c.Declare(t.Context(), Declaration{Path: []string{"declared.arrow"}, Format: settings.FormatParquet})
	if err != nil || d.Format != settings.FormatParquet {
		t.Errorf("a declared format is %s, %v", d.Format, err)
	}
}

var discard = slog.New(slog.DiscardHandler)
