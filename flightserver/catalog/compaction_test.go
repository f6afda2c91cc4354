package catalog

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// putBatches uploads a batch of each number. Those that annotated selects have
// app_metadata.
func putBatches(t *testing.T, c *Catalog, mode Mode, annotated func(int64) bool, numbers ...int64) Dataset {
	t.Helper()
	u, err := c.NewUpload(t.Context(), UploadRequest{Path: []string{"d"}, Mode: mode, Schema: testSchema})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range numbers {
		b := Batch{Record: testRecord(testSchema, n)}
		if annotated(n) {
			b.AppMetadata = fmt.Append(nil, "about ", n)
		}
		if err := u.WriteBatch(b); err != nil {
			t.Fatal(err)
		}
		b.Record.Release()
	}
	d, err := u.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// batchesOf gives the rows of each batch, with what it is annotated by.
func batchesOf(t *testing.T, c *Catalog, d Dataset) string {
	t.Helper()
	scan, err := c.Scan(t.Context(), d.ID, d.Version, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Release()
	var batches []string
	for {
		m, err := scan.Next()
		if err == io.EOF { //nolint:errorlint // only a bare io.EOF is the end
			return strings.Join(batches, ", ")
		}
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, strings.TrimSpace(fmt.Sprint(m.Rows, " ", string(m.AppMetadata))))
	}
}

func numbersTo(n int64) (numbers []int64) {
	for i := range n {
		numbers = append(numbers, i)
	}
	return numbers
}

// TestCompactionOfSmallBatches joins those of one segment, once.
func TestCompactionOfSmallBatches(t *testing.T) {
	c := mustOpen(t, quiet(vfs.NewMemory()))
	none := func(int64) bool { return false }
	d := putBatches(t, c, ModeCreate, none, numbersTo(100)...)
	c.store.Compact(t.Context())
	if got := batchesOf(t, c, d); got != "100" {
		t.Errorf("batches have %s rows", got)
	}
	wantNumbers(t, mustGet(t, c, d), numbersTo(100)...)
	if again, err := c.names.Load().byID.get(d.ID).data().Compact(t.Context(), nil); again || err != nil {
		t.Errorf("compacted again: %v, %v", again, err)
	}
	few := putBatches(t, c, ModeReplace, none, numbersTo(10)...)
	c.store.Compact(t.Context())
	if got := batchesOf(t, c, few); got != "1, 1, 1, 1, 1, 1, 1, 1, 1, 1" {
		t.Errorf("batches that are not worth it have %s rows", got)
	}
}

// TestCompactionOfAnnotated joins what lies between batches with app_metadata,
// which stay as they are.
func TestCompactionOfAnnotated(t *testing.T) {
	c := mustOpen(t, quiet(vfs.NewMemory()))
	third := func(n int64) bool { return n%3 == 1 }
	var d Dataset
	mode := ModeCreate
	for n := int64(0); n < 30; n += 3 {
		d = putBatches(t, c, mode, third, n, n+1, n+2)
		mode = ModeAppend
	}
	c.store.Compact(t.Context())
	want := "1, 1 about 1"
	for n := 4; n < 30; n += 3 {
		want += fmt.Sprint(", 2, 1 about ", n)
	}
	if got := batchesOf(t, c, d); got != want+", 1" {
		t.Errorf("batches have %s rows, want %s, 1", got, want)
	}
	wantNumbers(t, mustGet(t, c, d), numbersTo(30)...)
}

// TestCheckAfterCompaction misses nothing of the segments that were replaced,
// though the log still has the entry that names them.
func TestCheckAfterCompaction(t *testing.T) {
	o := quiet(vfs.OS{})
	o.Dir, o.KeepSuperseded = t.TempDir(), time.Hour
	c := mustOpen(t, o)
	none := func(int64) bool { return false }
	putBatches(t, c, ModeCreate, none, 1)
	d := putBatches(t, c, ModeReplace, none, numbersTo(100)...)
	c.store.Compact(t.Context())
	c.store.Sweep(t.Context())
	if uploads, err := o.FS.List(filepath.Join(o.Dir, "d", d.ID, "s")); err != nil || len(uploads) != 2 {
		t.Errorf("uploads are %v, %v, want that of each version", uploads, err)
	}
	mustClose(t, c)
	if problems, err := Check(t.Context(), o.Dir); err != nil || len(problems) > 0 {
		t.Errorf("Check() = %v, %v", problems, err)
	}
}
