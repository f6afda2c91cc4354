package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs/errorfs"
)

const newestFile = "data/NEWEST"

// listed gives the rows of the datasets that a start lists.
func listed(t *testing.T, fs vfs.FS) map[string]int64 {
	t.Helper()
	o := testOptions(fs)
	o.Logger = discard
	c := mustOpen(t, o)
	defer mustClose(t, c)
	rows := map[string]int64{}
	for _, d := range c.List("") {
		rows[d.Name()] = d.Rows
	}
	return rows
}

// unreadable is a file system on which no entry of a dataset's log can be read.
func unreadable(inner vfs.FS) vfs.FS {
	return errorfs.New(inner, func(op errorfs.Op) error {
		if op.Kind == errorfs.Open && strings.HasPrefix(op.Name, "data/d/") {
			return errors.New("injected")
		}
		return nil
	})
}

func wantListed(t *testing.T, got, want map[string]int64) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("listed are %v, want %v", got, want)
	}
}

// TestListedUnread lists what a clean stop left without reading it.
func TestListedUnread(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, testOptions(fs))
	mustPut(t, c, "a", ModeCreate, 1, 2)
	mustPut(t, c, "b.parquet", ModeCreate, 3)
	mustPut(t, c, "dropped", ModeCreate, 4)
	if err := c.Drop(t.Context(), "dropped", ""); err != nil {
		t.Fatal(err)
	}
	want := c.List("")
	mustClose(t, c)
	for range 2 { // what was not loaded is left again
		wantListed(t, listed(t, unreadable(fs)), map[string]int64{"a": 2, "b.parquet": 1})
	}
	o := testOptions(unreadable(fs))
	o.Logger = discard
	c = mustOpen(t, o)
	for i, d := range c.List("") {
		if d.ID != want[i].ID || d.Bytes != want[i].Bytes || !d.Created.Equal(want[i].Created) ||
			!d.Schema.Equal(want[i].Schema) || d.Partitions[0] != want[i].Partitions[0] {
			t.Errorf("listed is %+v, want %+v", d, want[i])
		}
	}
}

// TestListedAfterKill reads the logs that went on since the file was written,
// and no others.
func TestListedAfterKill(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, testOptions(fs))
	mustPut(t, c, "a", ModeCreate, 1, 2)
	mustPut(t, c, "b", ModeCreate, 3)
	mustClose(t, c)
	c = mustOpen(t, testOptions(fs))
	mustPut(t, c, "a", ModeAppend, 3)
	mustPut(t, c, "c", ModeCreate, 4)
	killed := fs.CrashClone(nil)
	wantListed(t, listed(t, unreadable(killed)), map[string]int64{"b": 1})
	wantListed(t, listed(t, killed), map[string]int64{"a": 3, "b": 1, "c": 1})
}

// TestNewestOfAnotherTime finds a file that does not belong to the logs.
func TestNewestOfAnotherTime(t *testing.T) {
	for reason, since := range map[string]func(*testing.T, *Catalog){
		"appended to": func(t *testing.T, c *Catalog) { mustPut(t, c, "a", ModeAppend, 3) },
		"replaced":    func(t *testing.T, c *Catalog) { mustPut(t, c, "a", ModeReplace, 4) },
		"nothing":     func(*testing.T, *Catalog) {},
		"new dataset": func(t *testing.T, c *Catalog) { mustPut(t, c, "new", ModeCreate, 5) },
		"compacted":   func(t *testing.T, c *Catalog) { c.store.Compact(t.Context()) },
		"renamed":     func(t *testing.T, c *Catalog) { wantError(t, c.Rename(t.Context(), "a", "b"), nil) },
		"dropped":     func(t *testing.T, c *Catalog) { wantError(t, c.Drop(t.Context(), "a", ""), nil) },
		"another of the name": func(t *testing.T, c *Catalog) {
			wantError(t, c.Drop(t.Context(), "a", ""), nil)
			mustPut(t, c, "a", ModeCreate, 6)
		},
		"restored and trimmed": func(t *testing.T, c *Catalog) {
			_, err := c.Restore(t.Context(), "a", 1)
			wantError(t, err, nil)
			c.store.Sweep(t.Context())
		},
	} {
		t.Run(reason, func(t *testing.T) {
			fs := vfs.NewMemory()
			c := mustOpen(t, quiet(fs))
			mustPut(t, c, "a", ModeCreate, 1)
			for n := range int64(9) {
				mustPut(t, c, "a", ModeAppend, n)
			}
			mustClose(t, c)
			old := content(t, fs, newestFile)
			c = mustOpen(t, quiet(fs))
			since(t, c)
			want := map[string]int64{}
			bytes := map[string]int64{}
			for _, d := range c.List("") {
				want[d.Name()], bytes[d.Name()] = d.Rows, d.Bytes
			}
			mustClose(t, c)
			overwrite(t, fs, newestFile, old)
			wantListed(t, listed(t, fs), want)
			c = mustOpen(t, quiet(fs))
			for _, d := range c.List("") {
				if d.Bytes != bytes[d.Name()] {
					t.Errorf("%s has %d bytes, want %d", d.Name(), d.Bytes, bytes[d.Name()])
				}
			}
		})
	}
}

// TestNewestUnusable leaves it to the logs.
func TestNewestUnusable(t *testing.T) {
	for reason, change := range map[string]func([]byte) []byte{
		"damaged": func(b []byte) []byte { b[len(b)/2] ^= 0x10; return b },
		"cut":     func(b []byte) []byte { return b[:len(b)/2] },
		"empty":   func([]byte) []byte { return nil },
		"missing": nil,
	} {
		t.Run(reason, func(t *testing.T) {
			fs := vfs.NewMemory()
			c := mustOpen(t, testOptions(fs))
			mustPut(t, c, "a", ModeCreate, 1, 2)
			mustClose(t, c)
			if change == nil {
				wantError(t, fs.Remove(newestFile), nil)
			} else {
				overwrite(t, fs, newestFile, change(content(t, fs, newestFile)))
			}
			want := map[string]int64{"a": 2}
			wantListed(t, listed(t, fs), want)
			wantListed(t, listed(t, unreadable(fs)), want) // it was made good
		})
	}
}

// TestNewestWhileRunning is written by a server that runs, so that one that is
// killed leaves it too.
func TestNewestWhileRunning(t *testing.T) {
	const datasets = 1024
	fs := vfs.NewMemory()
	c := mustOpen(t, testOptions(fs))
	for n := range int64(datasets) {
		mustPut(t, c, fmt.Sprint(n), ModeCreate, n)
		if n < datasets-2 {
			continue
		}
		c.store.Sweep(t.Context())
		if f, err := fs.Open(newestFile); (err == nil) != (n == datasets-1) {
			t.Fatalf("after %d datasets it is %v, %v", n+1, f, err)
		}
	}
	if n := len(listed(t, unreadable(fs.CrashClone(nil)))); n != datasets {
		t.Errorf("%d datasets are listed", n)
	}
}

// content reads a file.
func content(t *testing.T, from vfs.FS, name string) []byte {
	t.Helper()
	f, err := from.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	size, err := f.Size()
	content := make([]byte, size)
	if err == nil {
		_, err = f.ReadAt(content, 0)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return content
}

// overwrite replaces a file, or makes it.
func overwrite(t *testing.T, on vfs.FS, name string, content []byte) {
	t.Helper()
	if err := on.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	f, err := on.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}
