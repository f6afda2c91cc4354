package store

import (
	"testing"

	"golang.org/x/time/rate"
)

// TestStoredAfterCompactionOfAPart: compaction takes the last segment of an
// upload and leaves the others, so that versions name different parts of it.
func TestStoredAfterCompactionOfAPart(t *testing.T) {
	s := openStore(t, Options{})
	d := s.NewDataset(RandomID(), FormatArrow)
	rec := recordOf(t, segmentTypes[0].t, segmentTypes[0].values)
	s.options.MaxSegmentBytes = 1 // a segment for each record
	w, err := d.NewWriter(rec.Schema())
	if err != nil {
		t.Fatal(err)
	}
	for range compactFrom + 1 {
		if err := w.Write(t.Context(), Batch{Record: rec}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(t.Context(), "upload", false); err != nil {
		t.Fatal(err)
	}
	all := d.newest.Load().partitions[0].segments
	s.options.MaxSegmentBytes = defaultSegmentBytes
	if err := d.compact(t.Context(), 1, 0, all[1:], rate.NewLimiter(rate.Inf, 1<<20)); err != nil {
		t.Fatal(err)
	}
	s.Sweep(t.Context()) // the version as it was written is gone
	if want := d.Newest().Bytes; d.Stored() != want || s.Stored() != want {
		t.Errorf("after compaction %d bytes count, of %d, want %d", d.Stored(), s.Stored(), want)
	}
	mustAdd(t, d, "another", true, rec)
	s.Sweep(t.Context())
	if want := d.Newest().Bytes; d.Stored() != want || s.Stored() != want {
		t.Errorf("after a replacement %d bytes count, of %d, want %d", d.Stored(), s.Stored(), want)
	}
}
