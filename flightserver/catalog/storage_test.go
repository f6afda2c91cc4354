package catalog

import (
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs/errorfs"
)

// TestCompaction makes one segment of many, and changes nothing else.
func TestCompaction(t *testing.T) {
	for _, name := range []string{"d", "d.parquet"} {
		fs := vfs.NewMemory()
		o := testOptions(fs)
		o.Maintenance.CompactRate = 1 << 30
		c := mustOpen(t, o)
		var versions []Dataset
		var want []int64
		for n := range int64(20) {
			mode := ModeAppend
			if n == 0 {
				mode = ModeCreate
			}
			versions = append(versions, mustPut(t, c, name, mode, n))
			want = append(want, n)
		}
		newest := versions[len(versions)-1]
		c.store.Compact(t.Context())
		for range 2 {
			d, err := c.Dataset(name)
			if err != nil || d.Version != newest.Version || d.Rows != newest.Rows || d.Created != newest.Created || d.Bytes >= newest.Bytes {
				t.Errorf("compacted it is %+v, %v, before it was %+v", d, err, newest)
			}
			wantNumbers(t, mustGet(t, c, newest), want...)
			wantNumbers(t, mustGet(t, c, versions[9]), want[:10]...)
			if n := len(versionsOf(t, c, name)); n != len(versions) {
				t.Errorf("%d versions are there, want %d", n, len(versions))
			}
			mustClose(t, c)
			c = mustOpen(t, o)
		}
		next := mustPut(t, c, name, ModeAppend, 20)
		if next.Version != newest.Version+1 {
			t.Errorf("the next version is %d, after %d", next.Version, newest.Version)
		}
		wantNumbers(t, mustGet(t, c, next), append(want, 20)...)
	}
}

// TestScrub finds a damaged segment, and leaves the rest to be read.
func TestScrub(t *testing.T) {
	dir := damaged(t.TempDir())
	o := testOptions(vfs.OS{})
	registry := prometheus.NewPedanticRegistry()
	o.Dir, o.Logger, o.Registerer = string(dir), discard, registry
	o.Maintenance.ScrubRate = 1 << 30
	c := mustOpen(t, o)
	mustPut(t, c, "a", ModeCreate, 1)
	whole := mustPut(t, c, "b", ModeCreate, 2)
	c.store.Scrub(t.Context())
	if s, err := c.Storage("a"); err != nil || s.Damage != nil {
		t.Errorf("before the damage it is %+v, %v", s, err)
	}
	a, err := c.Dataset("a")
	if err != nil {
		t.Fatal(err)
	}
	flip("d/"+a.ID+"/s/*/0", 300)(t, dir)
	c.store.Scrub(t.Context())
	if s, err := c.Storage("a"); err != nil || !errors.Is(s.Damage, ErrCorrupt) || s.Bytes != a.Bytes {
		t.Errorf("after the damage it is %+v, %v", s, err)
	}
	if s, err := c.Storage("b"); err != nil || s.Damage != nil {
		t.Errorf("what is whole is %+v, %v", s, err)
	}
	wantNumbers(t, mustGet(t, c, whole), 2)
	want := `
# HELP flightserver_store_damaged_datasets Datasets of which a scrub or a read found segments damaged. Anything above zero needs a person.
# TYPE flightserver_store_damaged_datasets gauge
flightserver_store_damaged_datasets 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "flightserver_store_damaged_datasets"); err != nil {
		t.Error(err)
	}
}

func TestQuota(t *testing.T) {
	size := mustPut(t, mustOpen(t, testOptions(vfs.NewMemory())), "d", ModeCreate, 1).Bytes
	for name, space := range map[string]Space{
		"dataset": {DatasetQuota: size + size/2},
		"all":     {Quota: size + size/2},
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMemory()
			o := testOptions(fs)
			o.Space = space
			c := mustOpen(t, o)
			mustPut(t, c, "d", ModeCreate, 1)
			mustPut(t, c, "d", ModeAppend, 2)
			for range 2 {
				_, err := put(t.Context(), c, "d", ModeAppend, 3)
				wantError(t, err, ErrQuota)
				_, err = put(t.Context(), c, "e", ModeCreate, 3)
				if (space.Quota > 0) != errors.Is(err, ErrQuota) {
					t.Errorf("another dataset: %v", err)
				}
				mustClose(t, c)
				c = mustOpen(t, o)
			}
			if err := c.Drop(t.Context(), "d", ""); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the files to go", func() bool { return c.store.Stored() < 2*size })
			mustPut(t, c, "d", ModeCreate, 1)
		})
	}
}

// TestQuotaOfUploads bounds what uploads take together while they are under way.
func TestQuotaOfUploads(t *testing.T) {
	size := mustPut(t, mustOpen(t, testOptions(vfs.NewMemory())), "d", ModeCreate, 1).Bytes
	for name, space := range map[string]Space{
		"dataset": {DatasetQuota: 3 * size},
		"all":     {Quota: 3 * size},
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(vfs.NewMemory())
			o.Space = space
			c := mustOpen(t, o)
			mustPut(t, c, "d", ModeCreate, 1)
			p := mustStart(t, c, "d", ModeAppend)
			for range 3 {
				mustPutPart(t, c, p, nil, 2) // durable, and seen by nobody
			}
			_, err := putPart(t, c, p, nil, 2)
			wantError(t, err, ErrQuota)
			_, err = put(t.Context(), c, "d", ModeAppend, 3)
			wantError(t, err, ErrQuota)
			if err := c.AbortParallelUpload(t.Context(), p.ID); err != nil {
				t.Fatal(err)
			}
			for n := range int64(3) { // all was given back, and a version counts once
				mustPut(t, c, "d", ModeAppend, n)
			}
			_, err = put(t.Context(), c, "d", ModeAppend, 3)
			wantError(t, err, ErrQuota)
		})
	}
}

// nearlyFull is a volume with little room.
type nearlyFull struct {
	vfs.FS

	free int64
}

func (n *nearlyFull) Usage(string) (used, capacity int64, err error) {
	return 1<<30 - n.free, 1 << 30, nil
}

func TestLowWater(t *testing.T) {
	fs := &nearlyFull{FS: vfs.NewMemory(), free: 1 << 20}
	o := testOptions(fs)
	o.Space.MinFree = 1 << 20
	c := mustOpen(t, o)
	d := mustPut(t, c, "d", ModeCreate, 1)
	mustClose(t, c)
	fs.free--
	c = mustOpen(t, o)
	for _, name := range []string{"d", "e"} {
		_, err := put(t.Context(), c, name, ModeReplace, 2)
		wantError(t, err, ErrNoSpace)
	}
	wantNumbers(t, mustGet(t, c, d), 1)
	if err := c.Drop(t.Context(), "d", ""); err != nil {
		t.Error(err)
	}
}

// TestReadersOfCompacted hold the files that they began to read.
func TestReadersOfCompacted(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, quiet(fs))
	mustPut(t, c, "d", ModeCreate, 0)
	for n := range int64(9) {
		mustPut(t, c, "d", ModeAppend, n+1)
	}
	d, err := c.Dataset("d")
	if err != nil {
		t.Fatal(err)
	}
	scan, err := c.Scan(t.Context(), d.ID, d.Version, 0)
	if err != nil {
		t.Fatal(err)
	}
	c.store.Compact(t.Context())
	c.store.Sweep(t.Context())
	if n := uploadsIn(t, fs, d.ID); n != 11 {
		t.Errorf("%d uploads are there while the old ones are read, want 11", n)
	}
	numbers, err := drain(scan.Records())
	if err != nil {
		t.Error(err)
	}
	wantNumbers(t, numbers, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	again, err := scan.Again(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	scan.Release()
	if again.Layout() == layoutOf(t, c, d) {
		t.Error("what is read again is of the new files")
	}
	numbers, err = drain(again.Records())
	if err != nil {
		t.Error(err)
	}
	wantNumbers(t, numbers, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	_, err = again.Again(t.Context(), 1)
	wantError(t, err, ErrVersionNotFound)
	again.Release()
	waitFor(t, "the files to go", func() bool { return uploadsIn(t, fs, d.ID) == 1 })
	wantNumbers(t, mustGet(t, c, d), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
}

func layoutOf(t *testing.T, c *Catalog, d Dataset) string {
	t.Helper()
	scan, err := c.Scan(t.Context(), d.ID, d.Version, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Release()
	return scan.Layout()
}

// TestCompactionOvertaken leaves a version alone that replaced what was read.
func TestCompactionOvertaken(t *testing.T) {
	fs := vfs.NewMemory()
	var c *Catalog
	replacing := false
	inject := func(op errorfs.Op) error {
		// The first segment that compaction writes is where another comes first.
		if replacing && op.Kind == errorfs.Create && strings.HasSuffix(op.Name, "/0") {
			replacing = false
			if _, err := put(t.Context(), c, "d", ModeReplace, 99); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	c = mustOpen(t, quiet(errorfs.New(fs, inject)))
	mustPut(t, c, "d", ModeCreate, 0)
	for n := range int64(9) {
		mustPut(t, c, "d", ModeAppend, n+1)
	}
	replacing = true
	c.store.Compact(t.Context())
	if replacing {
		t.Fatal("nothing was compacted")
	}
	numbers, err := newestNumbers(t, c, "d")
	if err != nil {
		t.Error(err)
	}
	wantNumbers(t, numbers, 99)
	c.store.Sweep(t.Context())
	d, _ := c.Dataset("d")
	waitFor(t, "the files to go", func() bool { return uploadsIn(t, fs, d.ID) == 1 })
}
