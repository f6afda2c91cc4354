package catalog

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// errorLog counts errors.
type errorLog struct {
	slog.Handler

	errors *atomic.Int64
}

func (l errorLog) Enabled(context.Context, slog.Level) bool { return true }

func (l errorLog) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		l.errors.Add(1)
	}
	return nil
}

// onDisk opens a catalog in a directory whose files can be damaged, and counts
// the errors that it logs.
func onDisk(t *testing.T, r prometheus.Registerer) (*Catalog, damaged, *atomic.Int64) {
	t.Helper()
	dir, logged := damaged(t.TempDir()), &atomic.Int64{}
	o := testOptions(vfs.OS{})
	o.Dir, o.Registerer = string(dir), r
	o.Logger = slog.New(errorLog{slog.DiscardHandler, logged})
	o.Maintenance.ScrubRate, o.Maintenance.CompactRate = 1<<30, 1<<30
	return mustOpen(t, o), dir, logged
}

// segmentsOf gives the files of a dataset's segments.
func segmentsOf(t *testing.T, dir damaged, d Dataset) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(string(dir), "d", d.ID, "s/*/0"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	return files
}

// damageMiddle changes a bit of a file, and gives what was there before.
func damageMiddle(t *testing.T, file string) []byte {
	t.Helper()
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	after := slices.Clone(before)
	after[len(after)/2] ^= 0x10
	if err := os.WriteFile(file, after, 0o600); err != nil {
		t.Fatal(err)
	}
	return before
}

// restoreFile puts a file back, as a backup does.
func restoreFile(t *testing.T, file string, content []byte) {
	t.Helper()
	err := os.Remove(file)
	if err == nil {
		err = os.WriteFile(file, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func upTo(n int) []int64 {
	numbers := make([]int64, n)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	return numbers
}

// wantDamaged looks at the dataset, and for "1" or "0" in the metric.
func wantDamaged(t *testing.T, c *Catalog, name string, registry prometheus.Gatherer, datasets string) {
	t.Helper()
	s, err := c.Storage(name)
	if err != nil || errors.Is(s.Damage, ErrCorrupt) != (datasets != "0") {
		t.Errorf("want %s damaged, it is %+v, %v", datasets, s, err)
	}
	want := `
# HELP flightserver_store_damaged_datasets Datasets of which a scrub or a read found segments damaged. Anything above zero needs a person.
# TYPE flightserver_store_damaged_datasets gauge
flightserver_store_damaged_datasets ` + datasets + "\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "flightserver_store_damaged_datasets"); err != nil {
		t.Error(err)
	}
}

// TestDamageMetByReads is told of once and shown until a scrub finds the file
// whole again. All else goes on.
func TestDamageMetByReads(t *testing.T) {
	for _, name := range []string{"d", "d.parquet"} {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewPedanticRegistry()
			c, dir, logged := onDisk(t, registry)
			before := mustPut(t, c, name, ModeCreate, upTo(1000)...)
			whole := segmentsOf(t, dir, before)
			d := mustPut(t, c, name, ModeAppend, upTo(1000)...)
			added := slices.DeleteFunc(segmentsOf(t, dir, d), func(f string) bool { return slices.Contains(whole, f) })
			content := damageMiddle(t, added[0])
			for range 3 {
				_, err := get(t.Context(), c, d)
				if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), filepath.Base(filepath.Dir(added[0]))) {
					t.Errorf("reading what is damaged: %v", err)
				}
				wantDamaged(t, c, name, registry, "1")
			}
			if n := logged.Load(); n != 1 {
				t.Errorf("%d errors were logged, want 1", n)
			}
			wantNumbers(t, mustGet(t, c, before), upTo(1000)...)
			if now, err := c.Dataset(name); err != nil || now.Version != d.Version || len(c.List("")) != 1 {
				t.Errorf("it is shown as %+v, %v, and listed are %v", now, err, c.List(""))
			}

			restoreFile(t, added[0], content)
			wantNumbers(t, mustGet(t, c, d), slices.Concat(upTo(1000), upTo(1000))...)
			c.store.Scrub(t.Context())
			wantDamaged(t, c, name, registry, "0")
		})
	}
}

// TestDamageOfOwnFile is met by who reads the file instead of its rows.
func TestDamageOfOwnFile(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	c, dir, _ := onDisk(t, registry)
	d := mustPut(t, c, "d.parquet", ModeCreate, upTo(1000)...)
	file := segmentsOf(t, dir, d)[0]
	damageMiddle(t, file)
	scan, err := c.Scan(t.Context(), d.ID, d.Version, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Release()
	own, err := scan.OwnFile()
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	_, err = own.ReadAt(make([]byte, own.Size()), 0)
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), filepath.Base(filepath.Dir(file))) {
		t.Errorf("reading what is damaged: %v", err)
	}
	wantDamaged(t, c, "d.parquet", registry, "1")
	damageMiddle(t, file) // the bit is as it was
	c.store.Scrub(t.Context())
	wantDamaged(t, c, "d.parquet", registry, "0")
}

// TestDamageGoesWithItsSegment: what is deleted needs nobody's care.
func TestDamageGoesWithItsSegment(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	c, dir, _ := onDisk(t, registry)
	d := mustPut(t, c, "d", ModeCreate, upTo(1000)...)
	damageMiddle(t, segmentsOf(t, dir, d)[0])
	c.store.Scrub(t.Context())
	wantDamaged(t, c, "d", registry, "1")
	if _, err := c.Declare(t.Context(), Declaration{Path: []string{"d"}, Policy: Policy{Retention: Retention{Versions: 1}}}); err != nil {
		t.Fatal(err)
	}
	mustPut(t, c, "d", ModeReplace, 1)
	c.store.Sweep(t.Context())
	wantDamaged(t, c, "d", registry, "0")
}

// TestCompactionOfDamage tries once.
func TestCompactionOfDamage(t *testing.T) {
	c, dir, logged := onDisk(t, nil)
	d := mustPut(t, c, "d", ModeCreate, upTo(1000)...)
	for range 9 {
		mustPut(t, c, "d", ModeAppend, upTo(1000)...)
	}
	file := segmentsOf(t, dir, d)[3]
	content := damageMiddle(t, file)
	c.store.Compact(t.Context())
	once := logged.Load()
	c.store.Compact(t.Context())
	if n := logged.Load(); once == 0 || n != once {
		t.Errorf("the first try logged %d errors, both %d", once, n)
	}
	restoreFile(t, file, content)
	c.store.Scrub(t.Context())
	c.store.Compact(t.Context())
	if n := len(segmentsOf(t, dir, d)); n != 11 { // older versions have the ten
		t.Errorf("%d segments are there once all are whole, want 11", n)
	}
}

// TestPinOfDamage reports it, and does not read it again and again.
func TestPinOfDamage(t *testing.T) {
	c, dir, logged := onDisk(t, nil)
	d := mustPut(t, c, "d", ModeCreate, upTo(1000)...)
	damageMiddle(t, segmentsOf(t, dir, d)[0])
	wantError(t, c.Pin(t.Context(), "d"), ErrCorrupt)
	for range 3 {
		c.store.Sweep(t.Context())
	}
	if n := logged.Load(); n != 1 {
		t.Errorf("%d errors were logged, want 1", n)
	}
}
