package catalog

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// TestFlatMemory writes and reads a small and a large dataset. What is live
// while it goes on must not grow with the dataset.
func TestFlatMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes hundreds of MiB")
	}
	rec := numericRecord(32 << 10)
	defer rec.Release()
	for _, name := range []string{"numbers.arrow", "numbers.parquet"} {
		t.Run(name, func(t *testing.T) {
			o := Options{Dir: t.TempDir(), KeepSuperseded: time.Hour, Logger: discard}
			c := mustOpen(t, o)
			small := peakOf(t, c, "small/"+name, rec, 40)
			large := peakOf(t, c, "large/"+name, rec, 120)
			t.Logf("live at most %d KiB while 80 MiB pass, %d KiB while 240 MiB do", small>>10, large>>10)
			if large > small+small/4+(4<<20) {
				t.Errorf("memory grows with the dataset: %d KiB, then %d KiB", small>>10, large>>10)
			}
		})
	}
}

// peakOf gives the most memory that is live while records pass through.
func peakOf(t *testing.T, c *Catalog, name string, rec arrow.RecordBatch, records int) uint64 {
	t.Helper()
	live := liveMeter{base: heap()}
	u, err := c.NewUpload(t.Context(), UploadRequest{Path: strings.Split(name, "/"), Schema: rec.Schema()})
	if err != nil {
		t.Fatal(err)
	}
	for range records {
		if err := u.Write(rec); err != nil {
			t.Fatal(err)
		}
		live.sample()
	}
	d, err := u.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Scan(t.Context(), d.ID, d.Version, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	reader := r.Records()
	for reader.Next() {
		live.sample()
	}
	if reader.Err() != nil {
		t.Fatal(reader.Err())
	}
	return live.peak
}

// liveMeter collects garbage at some records, since what is left then is what
// is in use.
type liveMeter struct {
	base, peak uint64
	records    int
}

const sampleEvery = 16

func (m *liveMeter) sample() {
	if m.records++; m.records%sampleEvery != 0 {
		return
	}
	if now := heap(); now > m.base {
		m.peak = max(m.peak, now-m.base)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // pools keep what they have over the first
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
