package catalog

import (
	"slices"
	"testing"
	"time"

	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// putPart uploads one part of a parallel upload.
func putPart(t *testing.T, c *Catalog, p ParallelUpload, part *int64, numbers ...int64) (Dataset, error) {
	t.Helper()
	u, err := c.NewUpload(t.Context(), UploadRequest{Path: p.Path, UploadID: p.ID, Part: part, Schema: testSchema})
	if err != nil {
		return Dataset{}, err
	}
	if err := u.Write(testRecord(testSchema, numbers...)); err != nil {
		t.Fatal(err)
	}
	d, err := u.Commit(t.Context())
	if aerr := u.Abort(); aerr != nil {
		t.Error(aerr)
	}
	return d, err
}

func mustStart(t *testing.T, c *Catalog, name string, mode Mode) ParallelUpload {
	t.Helper()
	p, err := c.StartParallelUpload(t.Context(), UploadRequest{Path: []string{name}, Mode: mode})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustPutPart(t *testing.T, c *Catalog, p ParallelUpload, part *int64, numbers ...int64) {
	t.Helper()
	if d, err := putPart(t, c, p, part, numbers...); err != nil || d.Rows != int64(len(numbers)) || d.Bytes == 0 {
		t.Fatalf("part %v made %+v, %v", part, d, err)
	}
}

func TestParallelUpload(t *testing.T) {
	for _, mode := range []Mode{ModeCreate, ModeReplace} {
		fs := vfs.NewMemory()
		c := mustOpen(t, testOptions(fs))
		if mode == ModeReplace {
			mustPut(t, c, "d", ModeCreate, 9)
		}
		p := mustStart(t, c, "d", mode)
		mustPutPart(t, c, p, nil, 4)
		mustPutPart(t, c, p, new(int64(7)), 3)
		mustPutPart(t, c, p, new(int64(0)), 1, 2)
		mustPutPart(t, c, p, new(int64(0)), 1, 2) // a client that got no answer
		if d, err := c.Dataset("d"); err == nil && d.Rows != 1 {
			t.Errorf("before the end it is %+v", d)
		}
		finished, err := c.FinishParallelUpload(t.Context(), p.ID)
		if err != nil || len(finished.Partitions) != 3 || finished.Rows != 4 {
			t.Fatalf("finished it is %+v, %v", finished, err)
		}
		mustPut(t, c, "d", ModeAppend, 5)
		for range 2 {
			again, err := c.FinishParallelUpload(t.Context(), p.ID)
			if err != nil || again.Version != finished.Version {
				t.Errorf("finished again it is %+v, %v", again, err)
			}
			wantNumbers(t, mustGet(t, c, finished), 1, 2, 3, 4)
			numbers, err := newestNumbers(t, c, "d")
			slices.Sort(numbers)
			if err != nil || !slices.Equal(numbers, []int64{1, 2, 3, 4, 5}) {
				t.Errorf("after an append it reads %v, %v", numbers, err)
			}
			wantError(t, c.AbortParallelUpload(t.Context(), p.ID), ErrBadUpload)
			_, err = putPart(t, c, p, new(int64(8)), 7)
			wantError(t, err, ErrBadUpload)
			mustClose(t, c)
			c = mustOpen(t, testOptions(fs))
		}
	}
}

// TestParallelAppend gives each part another partition, and keeps the order in
// each.
func TestParallelAppend(t *testing.T) {
	c := mustOpen(t, testOptions(vfs.NewMemory()))
	mustPut(t, c, "d", ModeCreate, 1)
	for _, numbers := range [][]int64{{2, 3, 4}, {5, 6, 7}} {
		p := mustStart(t, c, "d", ModeAppend)
		for _, n := range numbers {
			mustPutPart(t, c, p, nil, n)
		}
		if _, err := c.FinishParallelUpload(t.Context(), p.ID); err != nil {
			t.Fatal(err)
		}
	}
	d, err := c.Dataset("d")
	if err != nil || len(d.Partitions) != 3 {
		t.Fatalf("it is %+v, %v", d, err)
	}
	for i, p := range d.Partitions {
		if p.Rows < 2 || p.Bytes == 0 {
			t.Errorf("partition %d is %+v", i, p)
		}
	}
	numbers := mustGet(t, c, d)
	for _, order := range [][]int64{{1, 2}, {1, 5}} {
		if slices.Index(numbers, order[0]) > slices.Index(numbers, order[1]) {
			t.Errorf("%v are not in order in %v", order, numbers)
		}
	}
}

func TestParallelUploadsThatEnd(t *testing.T) {
	fs, clock := vfs.NewMemory(), testclock.NewFakeClock(time.Unix(1e9, 0))
	o := testOptions(fs)
	o.Clock, o.Logger = clock, discard
	c := mustOpen(t, o)
	mustPut(t, c, "d", ModeCreate, 9)
	aborted, left, restarted := mustStart(t, c, "d", ""), mustStart(t, c, "left", ""), mustStart(t, c, "restarted", "")
	for _, p := range []ParallelUpload{aborted, left, restarted} {
		mustPutPart(t, c, p, nil, 1)
	}
	for range 2 {
		if err := c.AbortParallelUpload(t.Context(), aborted.ID); err != nil {
			t.Error(err)
		}
	}
	clock.Step(parallelLife / 2)
	mustPutPart(t, c, restarted, nil, 2)
	clock.Step(parallelLife / 2)
	c.tidy(t.Context())
	_, err := c.ParallelUpload(restarted.ID)
	wantError(t, err, nil)
	mustClose(t, c)
	c = mustOpen(t, o)
	for _, p := range []ParallelUpload{aborted, left, restarted} {
		_, err := c.FinishParallelUpload(t.Context(), p.ID)
		wantError(t, err, ErrBadUpload)
		_, err = putPart(t, c, p, nil, 3)
		wantError(t, err, ErrBadUpload)
	}
	ids, err := fs.List("data/d")
	if err != nil || len(ids) != 1 || uploadsIn(t, fs, ids[0]) != 1 {
		t.Errorf("datasets %v are there, %v", ids, err)
	}
}

func TestParallelUploadRefuses(t *testing.T) {
	c := mustOpen(t, testOptions(vfs.NewMemory()))
	mustPut(t, c, "d", ModeCreate, 1)
	_, err := c.StartParallelUpload(t.Context(), UploadRequest{Path: []string{"d"}, Mode: ModeCreate})
	wantError(t, err, ErrDatasetExists)
	if _, err := c.StartParallelUpload(t.Context(), UploadRequest{Path: []string{"d"}, Mode: "other"}); err == nil {
		t.Error("a mode that is none is taken")
	}
	_, err = c.StartParallelUpload(t.Context(), UploadRequest{Path: []string{"new"}, Mode: ModeAppend})
	wantError(t, err, ErrDatasetNotFound)
	p := mustStart(t, c, "d", "")
	_, err = c.FinishParallelUpload(t.Context(), p.ID)
	wantError(t, err, ErrBadUpload)
	_, err = c.NewUpload(t.Context(), UploadRequest{Path: []string{"e"}, UploadID: p.ID, Schema: testSchema})
	wantError(t, err, ErrBadUpload)
	wantError(t, c.AbortParallelUpload(t.Context(), "mine"), ErrBadUpload)
}
