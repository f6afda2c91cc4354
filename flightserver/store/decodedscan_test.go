package store

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	testclock "k8s.io/utils/clock/testing"
)

// scanSegments reads some segments of a dataset, and gives how many of them the
// cache had.
func scanSegments(t *testing.T, d *Dataset, segments []Segment) int {
	t.Helper()
	hits := d.store.metrics.cacheReads.WithLabelValues("hit")
	before := testutil.ToFloat64(hits)
	snapshot, err := d.Acquire(d.Newest().Number)
	if err != nil {
		t.Fatal(err)
	}
	scan, err := snapshot.scan(t.Context(), "test", segments)
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Release()
	if rows, err := count(scan); err != nil || rows == 0 {
		t.Fatal(rows, err)
	}
	d.store.cache.settling.Wait()
	return int(testutil.ToFloat64(hits) - before)
}

// TestCacheOfALargerScan keeps a part of what is read over and over and is twice
// as large as the cache, until something else of it is read for a while.
func TestCacheOfALargerScan(t *testing.T) {
	clock := testclock.NewFakeClock(time.Unix(1e9, 0))
	s := openStore(t, Options{CacheBytes: 1 << 30, Clock: clock})
	const segments = 6
	d := parquetOf(t, s, slices.Repeat([]int{1000}, segments)...)
	all := d.newest.Load().segments()
	scanSegments(t, d, all)
	wantCached(t, s, segments)
	s.cache.limit = s.cache.size()/2 + 1000
	s.cache.drop(datasetName(d.id))

	if hits := scanSegments(t, d, all); hits != 0 {
		t.Errorf("%d hits in an empty cache", hits)
	}
	for range 3 {
		if hits := scanSegments(t, d, all); hits != segments/2 {
			t.Errorf("%d hits in a repeated scan, want %d", hits, segments/2)
		}
		clock.Step(time.Minute)
	}
	rest := all[segments/2:]
	if hits := scanSegments(t, d, rest) + scanSegments(t, d, rest); hits != 0 {
		t.Errorf("%d hits though nothing gave way", hits)
	}
	clock.Step(rescanWithin)
	scanSegments(t, d, rest)
	if hits := scanSegments(t, d, rest); hits != len(rest) {
		t.Errorf("%d hits of what is read now, want %d", hits, len(rest))
	}

	// Another dataset waits for nothing.
	other := parquetOf(t, s, 1000)
	scanSegments(t, other, other.newest.Load().segments())
	if hits := scanSegments(t, other, other.newest.Load().segments()); hits != 1 {
		t.Errorf("%d hits of another dataset, want 1", hits)
	}
	wantCached(t, s, segments/2)
}

// TestCacheWritesNothingInVain: of a scan that finds no room, no file is begun.
func TestCacheWritesNothingInVain(t *testing.T) {
	s := openStore(t, Options{CacheBytes: 1 << 30})
	d := parquetOf(t, s, 1000, 1000, 1000, 1000)
	all := d.newest.Load().segments()
	scanSegments(t, d, all[:1])
	s.cache.limit = s.cache.size() * 3 / 2
	scanSegments(t, d, all) // learns that there is no room
	if f := s.beginFill(all[2].name(d.id), nil); f != nil {
		t.Error("another segment is begun")
	}
	wantCached(t, s, 1)
}
