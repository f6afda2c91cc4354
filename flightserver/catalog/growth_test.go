package catalog

import (
	"fmt"
	"testing"
	"time"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// unsynced makes large directories in little time. What is measured afterwards
// is reading, which knows no difference.
type unsynced struct{ vfs.OS }

func (u unsynced) SyncDir(string) error { return nil }

func (u unsynced) Create(name string) (vfs.File, error) {
	f, err := u.OS.Create(name)
	return unsyncedFile{f}, err
}

type unsyncedFile struct{ vfs.File }

func (unsyncedFile) Sync() error { return nil }

// BenchmarkStart opens directories of many datasets. Beside the time of Open it
// tells when all datasets were listed, and what they take in memory.
func BenchmarkStart(b *testing.B) {
	for _, datasets := range []int{10, 1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("datasets=%d", datasets), func(b *testing.B) {
			o := Options{Dir: b.TempDir(), FS: unsynced{}, KeepSuperseded: time.Hour, Logger: discard}
			fill(b, o, datasets, func(n int) (string, Mode) { return fmt.Sprint("folder/", n), ModeCreate })
			measureStart(b, o, datasets)
		})
	}
}

// BenchmarkVersions opens directories of one dataset with many versions.
func BenchmarkVersions(b *testing.B) {
	for _, versions := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("versions=%d", versions), func(b *testing.B) {
			o := Options{Dir: b.TempDir(), FS: unsynced{}, KeepSuperseded: time.Hour, Logger: discard}
			start := time.Now()
			fill(b, o, versions, func(n int) (string, Mode) {
				if n == 0 {
					return "d", ModeCreate
				}
				return "d", ModeAppend
			})
			b.ReportMetric(float64(time.Since(start).Microseconds())/float64(versions), "µs/commit")
			measureStart(b, o, 1)
		})
	}
}

func fill(b *testing.B, o Options, uploads int, at func(int) (string, Mode)) {
	b.Helper()
	c, err := Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	for n := range uploads {
		name, mode := at(n)
		if _, err := put(b.Context(), c, name, mode, int64(n)); err != nil {
			b.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
}

func measureStart(b *testing.B, o Options, datasets int) {
	b.Helper()
	var first, all time.Duration
	var live uint64
	b.ResetTimer()
	for b.Loop() {
		before := heap()
		start := time.Now()
		c, err := Open(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		first += time.Since(start)
		if n := len(c.List("")); n != datasets {
			b.Fatalf("%d datasets are listed, want %d", n, datasets)
		}
		all += time.Since(start)
		live = heap() - before
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
	n := float64(b.N)
	b.ReportMetric(float64(first.Milliseconds())/n, "ms-to-open")
	b.ReportMetric(float64(all.Milliseconds())/n, "ms-to-list")
	b.ReportMetric(float64(live>>10), "KiB-live")
	b.ReportMetric(0, "ns/op")
}
