package store

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// TestVersionsShareSegments keeps what many versions take in proportion to what
// each adds, also where whole entries repeat what was before.
func TestVersionsShareSegments(t *testing.T) {
	const versions = 1100 // more than uploads are remembered
	o := Options{FS: vfs.NewMemory(), KeepSuperseded: 1 << 60}
	s := openStore(t, o)
	d := s.NewDataset(RandomID(), FormatArrow)
	batch := Batch{Record: numbers(0, 1)}
	for n := range versions {
		mustAppend(t, d, fmt.Sprint(n), batch)
	}
	wantShared(t, d, versions)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := openStore(t, o).LoadDataset(t.Context(), d.id, FormatArrow)
	if err != nil {
		t.Fatal(err)
	}
	wantShared(t, d, versions)
}

// wantShared counts the arrays that versions do not share with those before.
func wantShared(t *testing.T, d *Dataset, versions int) {
	t.Helper()
	if len(d.mu.versions) != versions {
		t.Fatalf("%d versions are there", len(d.mu.versions))
	}
	wholes := map[uint64]bool{}
	var segments *Segment
	var uploads *AppliedUpload
	arrays := 0
	for i, v := range d.mu.versions {
		all, last := v.partitions[0].segments, &v.uploads[len(v.uploads)-1]
		if len(all) != i+1 || len(v.uploads) != min(i+1, maxUploads) || last.ID != fmt.Sprint(i) {
			t.Fatalf("version %d has %d segments and %d uploads, the last is %+v", v.number, len(all), len(v.uploads), last)
		}
		wholes[v.base] = true
		if unsafe.SliceData(all) != segments {
			arrays++
		}
		if n := len(v.uploads); n < 2 || &v.uploads[n-2] != uploads {
			arrays++
		}
		segments, uploads = unsafe.SliceData(all), last
	}
	// An array that is full is followed by one that is larger by a quarter or more.
	if len(wholes) < 10 || len(wholes) > 16 || arrays > 40 {
		t.Errorf("%d entries are whole, and what versions have lies in %d arrays", len(wholes), arrays)
	}
}
