package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
)

func TestSegments(t *testing.T) {
	seams(t, func(t *testing.T, s Segments, _ Commits) {
		content := bytes.Repeat([]byte("segment"), 1000)
		mustWriteSegment(t, s, "d/x/s/u/0", content)
		mustWriteSegment(t, s, "d/x/s/u/1", nil)
		mustWriteSegment(t, s, "d/x/s/v/0", content)
		if _, err := s.Create(t.Context(), "d/x/s/u/0"); err == nil {
			t.Error("a segment's name can be used twice")
		}
		wantNames(t, s, "d/x/s", "u", "v")
		wantNames(t, s, "d/x/s/u", "0", "1")

		local, err := s.Ensure(t.Context(), "d/x/s/u/0")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), "d/x/s/u"); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(io.NewSectionReader(local, 0, int64(len(content))))
		if err != nil || !bytes.Equal(got, content) || string(local.Sidecar) != "sums" {
			t.Errorf("an open segment reads %d bytes and %q, %v", len(got), local.Sidecar, err)
		}
		if err := local.Close(); err != nil {
			t.Error(err)
		}
		wantNames(t, s, "d/x/s", "v")
		wantNoSegment(t, s, "d/x/s/u/0")
		if err := s.Delete(t.Context(), "d/x/s/u"); err != nil {
			t.Errorf("deleting again: %v", err)
		}
	})
}

// TestSegmentsAreSeenOnceTheyAreClosed, and not at all once they are aborted.
func TestSegmentsAreSeenOnceTheyAreClosed(t *testing.T) {
	seams(t, func(t *testing.T, s Segments, _ Commits) {
		for _, name := range []string{"d/x/s/u/0", "d/x/s/u/1"} {
			w, err := s.Create(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte("half")); err != nil {
				t.Fatal(err)
			}
			wantNoSegment(t, s, name)
			if name == "d/x/s/u/0" {
				err = w.Abort()
			} else {
				err = w.Close([]byte("sums"))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		wantNoSegment(t, s, "d/x/s/u/0")
		wantNames(t, s, "d/x/s/u", "1")
		wantSegment(t, s, "d/x/s/u/1", []byte("half"))
	})
}

func wantNoSegment(t *testing.T, s Segments, name string) {
	t.Helper()
	local, err := s.Ensure(t.Context(), name)
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("there is %s: %v, %v", name, local, err)
	}
}

// wantSegment reads a segment in every way that there is, and beyond its end.
func wantSegment(t *testing.T, s Segments, name string, content []byte) {
	t.Helper()
	local, err := s.Ensure(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	size, err := local.Size()
	if err != nil || size != int64(len(content)) {
		t.Errorf("%s has %d bytes, %v, want %d", name, size, err, len(content))
	}
	got := make([]byte, len(content)+1)
	if n, err := local.ReadAt(got, 0); !errors.Is(err, io.EOF) || !bytes.Equal(got[:n], content) {
		t.Errorf("%s reads %d bytes, %v", name, n, err)
	}
	if n, err := local.ReadAt(got[:1], size); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("%s has %d bytes behind its end, %v", name, n, err)
	}
	mapping, err := local.Map()
	if err != nil {
		t.Fatal(err)
	}
	mapping.Prefetch(size/2, size)
	if err := local.Close(); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(mapping.Bytes(), content) || string(local.Sidecar) != "sums" {
		t.Errorf("%s is mapped as %d bytes, beside %q", name, len(mapping.Bytes()), local.Sidecar)
	}
	if err := mapping.Close(); err != nil {
		t.Error(err)
	}
}

// TestSegmentsAtOnce makes segments of several uploads from several goroutines.
func TestSegmentsAtOnce(t *testing.T) {
	seams(t, func(t *testing.T, s Segments, _ Commits) {
		var wg sync.WaitGroup
		for upload := range 8 {
			wg.Go(func() {
				for n := range 4 {
					name := fmt.Sprintf("d/x/s/%d/%d", upload, n)
					mustWriteSegment(t, s, name, []byte(name))
					wantSegment(t, s, name, []byte(name))
				}
				if upload%2 == 0 {
					if err := s.Delete(t.Context(), fmt.Sprint("d/x/s/", upload)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		wantNames(t, s, "d/x/s", "1", "3", "5", "7")
		wantNames(t, s, "d/x/s/3", "0", "1", "2", "3")
	})
}

// TestDeleteKeepsWhatIsNamedAlike: a prefix ends where a slash is.
func TestDeleteKeepsWhatIsNamedAlike(t *testing.T) {
	seams(t, func(t *testing.T, s Segments, c Commits) {
		for _, name := range []string{"d/a/s/u/0", "d/a/s/u1/0", "d/ab/s/u/0"} {
			mustWriteSegment(t, s, name, nil)
		}
		for _, log := range []string{"d/a/m", "d/ab/m"} {
			if _, err := c.Create(t.Context(), log, 1, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Delete(t.Context(), "d/a/s/u"); err != nil {
			t.Fatal(err)
		}
		wantNames(t, s, "d/a/s", "u1")
		if err := s.Delete(t.Context(), "d/a"); err != nil {
			t.Fatal(err)
		}
		wantNames(t, s, "d", "ab")
		if list, err := c.List(t.Context(), "d/a/m"); err != nil || len(list) > 0 {
			t.Errorf("a dataset's log outlives it: %v, %v", list, err)
		}
		wantSegment(t, s, "d/ab/s/u/0", nil)
	})
}

// TestUnknownNames are errors that say so, or nothing.
func TestUnknownNames(t *testing.T) {
	seams(t, func(t *testing.T, s Segments, c Commits) {
		wantNames(t, s, "d/x/s")
		wantNoSegment(t, s, "d/x/s/u/0")
		if err := s.Delete(t.Context(), "d/x"); err != nil {
			t.Error(err)
		}
		if _, err := c.Read(t.Context(), "log", 1); !errors.Is(err, ErrNotFound) {
			t.Errorf("reading what is not there: %v", err)
		}
		if err := c.Trim(t.Context(), "log", 1); err != nil {
			t.Error(err)
		}
	})
}

func mustWriteSegment(t *testing.T, s Segments, name string, content []byte) {
	t.Helper()
	w, err := s.Create(t.Context(), name)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close([]byte("sums"))
	}
	if err != nil {
		t.Fatal(name, err)
	}
}

func wantNames(t *testing.T, s Segments, prefix string, want ...string) {
	t.Helper()
	if names, err := s.List(t.Context(), prefix); err != nil || !slices.Equal(names, want) {
		t.Errorf("%s lists %v, %v, want %v", prefix, names, err, want)
	}
}
