package formats

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Reading takes the memory of a few batches, whatever the size of the file.
func TestMemoryIsFlat(t *testing.T) {
	text := largeFile(t)
	for _, f := range []Format{CSV, JSONLines, Parquet, Arrow, ArrowStream} {
		t.Run(string(f), func(t *testing.T) {
			path := convert(t, text, f)
			r, err := Open(Source{Path: path, Format: f}, ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			var most uint64
			for n := 0; ; n++ {
				rec, err := r.Read()
				if err != nil {
					break
				}
				rec.Release()
				if n%16 == 0 {
					runtime.GC() // what is left is in use
					runtime.ReadMemStats(&after)
					most = max(most, after.HeapAlloc)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if grown := int64(most) - int64(before.HeapAlloc); grown > 20<<20 {
				t.Errorf("reading a file of %d MB took %d MB", largeRows*25>>20, grown>>20)
			}
		})
	}
}

const largeRows = 2_000_000

// largeFile is CSV of as many rows.
func largeFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "large.csv")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	b := bufio.NewWriter(out)
	fmt.Fprintln(b, "n,text")
	for i := range largeRows {
		fmt.Fprintf(b, "%d,%x-%x\n", i, i*2654435761, i)
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func convert(t *testing.T, from string, f Format) string {
	t.Helper()
	r, err := Open(Source{Path: from, Format: CSV}, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "large."+string(f)))
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWriter(out, f, r.Schema(), WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		rec, err := r.Read()
		if err != nil {
			break
		}
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		rec.Release()
	}
	for _, c := range []interface{ Close() error }{r, w, out} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Name()
}
