package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs/errorfs"
)

var errInjected = errors.New("injected")

// faulty runs a test once for each operation of the file system below, which
// fails, until none does. prepare is spared, and look sees what is left without
// failures.
func faulty(t *testing.T, prepare func(Segments, Commits), do func(Segments, Commits) error, look func(t *testing.T, s Segments, c Commits, err error)) {
	t.Helper()
	for name, files := range map[string]func(*testing.T) (vfs.FS, string){
		"directory on disk":   func(t *testing.T) (vfs.FS, string) { return vfs.OS{}, t.TempDir() },
		"directory in memory": func(*testing.T) (vfs.FS, string) { return vfs.NewMemory(), "." },
	} {
		t.Run(name, func(t *testing.T) {
			for n, reached := int64(0), true; reached; n++ {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					fs, root := files(t)
					whole := newDirectories(fs, root)
					prepare(&dirSegments{whole}, &dirCommits{whole})
					fault := &errorfs.Nth{N: n, Err: errInjected}
					broken := newDirectories(errorfs.New(fs, fault.Inject), root)
					err := do(&dirSegments{broken}, &dirCommits{broken})
					reached = fault.Done()
					if !reached && err != nil {
						t.Fatal("without a failure:", err)
					}
					look(t, &dirSegments{whole}, &dirCommits{whole}, err)
				})
			}
		})
	}
}

func nothing(Segments, Commits) {}

// TestFailingSegmentWriter either made the segment, or leaves nothing once it is
// aborted.
func TestFailingSegmentWriter(t *testing.T) {
	for name, content := range map[string][]byte{
		"small": []byte("a segment"),
		"pages": alignedBytes(2 * vfs.DirectBytes)[:2*vfs.DirectBytes], // which go around the page cache
	} {
		t.Run(name, func(t *testing.T) { failingSegmentWriter(t, content) })
	}
}

func failingSegmentWriter(t *testing.T, content []byte) {
	t.Helper()
	do := func(s Segments, _ Commits) error {
		w, err := s.Create(t.Context(), "d/x/s/u/0")
		if err != nil {
			return err
		}
		if _, err = w.Write(content); err == nil {
			_, err = w.Write(content[:5])
		}
		if err == nil {
			err = w.Close([]byte("sums"))
		}
		if err != nil {
			return errors.Join(err, w.Abort())
		}
		return nil
	}
	whole := slices.Concat(content, content[:5])
	faulty(t, nothing, do, func(t *testing.T, s Segments, _ Commits, err error) {
		if err == nil {
			wantSegment(t, s, "d/x/s/u/0", whole)
			return
		}
		wantNoSegment(t, s, "d/x/s/u/0")
		wantNames(t, s, "d/x/s/u")
		mustWriteSegment(t, s, "d/x/s/u/0", whole)
	})
}

// TestFailingEnsure tells of the failure, which is not that nothing is there.
func TestFailingEnsure(t *testing.T) {
	content := []byte("a segment")
	prepare := func(s Segments, _ Commits) { mustWriteSegment(t, s, "d/x/s/u/0", content) }
	do := func(s Segments, _ Commits) error {
		local, err := s.Ensure(t.Context(), "d/x/s/u/0")
		if err != nil {
			return err
		}
		return local.Close()
	}
	faulty(t, prepare, do, func(t *testing.T, s Segments, _ Commits, err error) {
		if err != nil && (!errors.Is(err, errInjected) || errors.Is(err, ErrNotFound)) {
			t.Errorf("the failure is told as %v", err)
		}
		wantSegment(t, s, "d/x/s/u/0", content)
	})
}

// TestFailingDelete may leave some, which the next one removes.
func TestFailingDelete(t *testing.T) {
	prepare := func(s Segments, _ Commits) {
		for n := range 3 {
			mustWriteSegment(t, s, fmt.Sprint("d/x/s/u/", n), nil)
		}
	}
	do := func(s Segments, _ Commits) error { return s.Delete(t.Context(), "d/x/s/u") }
	faulty(t, prepare, do, func(t *testing.T, s Segments, _ Commits, err error) {
		if err != nil {
			err = s.Delete(t.Context(), "d/x/s/u")
		}
		if err != nil {
			t.Error(err)
		}
		wantNames(t, s, "d/x/s")
	})
}

// TestFailingList gives no list that lacks something.
func TestFailingList(t *testing.T) {
	prepare := func(s Segments, c Commits) {
		mustWriteSegment(t, s, "d/x/s/u/0", nil)
		mustCreate(t, c, 1, 2)
	}
	do := func(s Segments, c Commits) error {
		names, err := s.List(t.Context(), "d/x/s")
		numbers, nerr := c.List(t.Context(), "log")
		if (err == nil && len(names) != 1) || (nerr == nil && len(numbers) != 2) {
			return fmt.Errorf("listed are %v and %v", names, numbers)
		}
		return errors.Join(err, nerr)
	}
	faulty(t, prepare, do, func(t *testing.T, _ Segments, _ Commits, err error) {
		if err != nil && !errors.Is(err, errInjected) {
			t.Error(err)
		}
	})
}

// TestFailingCreate keeps what it says: an entry is there, or is not and never
// will be, or may be.
func TestFailingCreate(t *testing.T) {
	for name, first := range map[string]string{"": "", "after another": "another's"} {
		t.Run(name, func(t *testing.T) {
			prepare := func(_ Segments, c Commits) {
				if first != "" {
					mustCreateAs(t, c, 1, first)
				}
			}
			var entry []byte
			do := func(_ Segments, c Commits) (err error) {
				entry, err = c.Create(t.Context(), "log", 1, []byte("own"))
				return err
			}
			faulty(t, prepare, do, func(t *testing.T, _ Segments, c Commits, err error) {
				there, rerr := c.Read(t.Context(), "log", 1)
				none := errors.Is(rerr, ErrNotFound)
				switch {
				case err == nil && (rerr != nil || string(there) != string(entry)):
					t.Errorf("it made %q, and there is %q, %v", entry, there, rerr)
				case err != nil && !errors.Is(err, ErrOutcomeUnknown) && first == "" && !none:
					t.Errorf("it failed for good with %v, and there is %q, %v", err, there, rerr)
				case first != "" && string(there) != first:
					t.Errorf("%q became %q, %v", first, there, rerr)
				}
				if none {
					mustCreateAs(t, c, 1, "own")
				}
			})
		})
	}
}

// TestFailingRead tells of the failure, which is not that nothing is there.
func TestFailingRead(t *testing.T) {
	prepare := func(_ Segments, c Commits) { mustCreate(t, c, 1) }
	do := func(_ Segments, c Commits) error {
		_, err := c.Read(t.Context(), "log", 1)
		return err
	}
	faulty(t, prepare, do, func(t *testing.T, _ Segments, _ Commits, err error) {
		if err != nil && (!errors.Is(err, errInjected) || errors.Is(err, ErrNotFound)) {
			t.Errorf("the failure is told as %v", err)
		}
	})
}

// TestFailingTrim removes the lowest first, so that what is left has no gap.
func TestFailingTrim(t *testing.T) {
	all := []uint64{1, 2, 3, 4, 5}
	prepare := func(_ Segments, c Commits) { mustCreate(t, c, all...) }
	do := func(_ Segments, c Commits) error { return c.Trim(t.Context(), "log", 4) }
	faulty(t, prepare, do, func(t *testing.T, _ Segments, c Commits, err error) {
		left, lerr := c.List(t.Context(), "log")
		if lerr != nil || len(left) < 2 || !slices.Equal(left, all[len(all)-len(left):]) {
			t.Errorf("left are %v, %v", left, lerr)
		}
		if err != nil {
			err = c.Trim(t.Context(), "log", 4)
		}
		if err != nil {
			t.Error(err)
		}
		wantList(t, c, 4, 5)
	})
}

func mustCreate(t *testing.T, c Commits, numbers ...uint64) {
	t.Helper()
	for _, n := range numbers {
		mustCreateAs(t, c, n, "x")
	}
}

func mustCreateAs(t *testing.T, c Commits, n uint64, body string) {
	t.Helper()
	if entry, err := c.Create(t.Context(), "log", n, []byte(body)); err != nil || string(entry) != body {
		t.Fatalf("creating %d: %q, %v", n, entry, err)
	}
}
