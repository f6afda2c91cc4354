package store

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs/errorfs"
)

// scrubbed is a dataset on disk whose last segment is damaged.
type scrubbed struct {
	store *Store
	data  *Dataset
	fail  atomic.Pointer[errorfs.Injector]
}

func openScrubbed(t *testing.T, f Format) *scrubbed {
	t.Helper()
	s, dir := &scrubbed{}, t.TempDir()
	inject := func(op errorfs.Op) error {
		if fail := s.fail.Load(); fail != nil {
			return (*fail)(op)
		}
		return nil
	}
	var err error
	s.store, err = Open(Options{
		Dir: dir, FS: errorfs.New(vfs.OS{}, inject), Clock: testclock.NewFakeClock(time.Unix(1e9, 0)), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	s.data = s.store.NewDataset(RandomID(), f)
	for range 3 {
		if err := addNumbers(t, s.data, false); err != nil {
			t.Fatal(err)
		}
	}
	flip(t, filepath.Join(dir, s.name(2)), func(size int64) int64 { return size / 2 })
	return s
}

func (s *scrubbed) segment(n int) Segment { return s.data.newest.Load().partitions[0].segments[n] }
func (s *scrubbed) name(n int) string     { return s.segment(n).name(s.data.id) }

// scrub reads all under an injector.
func (s *scrubbed) scrub(t *testing.T, fail errorfs.Injector) error {
	t.Helper()
	s.fail.Store(&fail)
	defer s.fail.Store(nil)
	return s.data.Scrub(t.Context(), rate.NewLimiter(rate.Inf, 1))
}

// found tells whether the damage is known. No other segment may be said to be
// damaged.
func (s *scrubbed) found(t *testing.T) bool {
	t.Helper()
	if s.data.hasDamaged([]Segment{s.segment(0), s.segment(1)}) {
		t.Errorf("what is whole is said to be damaged: %v", s.data.Damage())
	}
	return s.data.hasDamaged([]Segment{s.segment(2)})
}

// TestFailingScrub tells of what it could not read, and takes neither that for
// damage nor damage for whole.
func TestFailingScrub(t *testing.T) {
	for _, f := range []Format{FormatArrow, FormatParquet} {
		t.Run(string(f), func(t *testing.T) {
			s := openScrubbed(t, f)
			for n, reached := int64(0), true; reached; n++ {
				s.data.foundWhole(s.segment(2)) // what the last round found
				for _, known := range []bool{false, true} {
					fault := &errorfs.Nth{N: n, Err: errInjected}
					err := s.scrub(t, fault.Inject)
					reached = fault.Done()
					found := s.found(t)
					if !found && (known || !reached || !errors.Is(err, errInjected)) || !reached && err != nil {
						t.Errorf("operation %d: the damage is found: %v, known before: %v, %v", n, found, known, err)
					}
					if err := s.scrub(t, nothingFails); err != nil || !s.found(t) {
						t.Errorf("operation %d, and a scrub without a failure: %v, damage %v", n, err, s.data.Damage())
					}
				}
			}
		})
	}
}

func nothingFails(errorfs.Op) error { return nil }

// TestScrubGoesOnBehindWhatItCannotRead finds damage behind a file that the disk
// does not give.
func TestScrubGoesOnBehindWhatItCannotRead(t *testing.T) {
	s := openScrubbed(t, FormatArrow)
	err := s.scrub(t, func(op errorfs.Op) error {
		if op.Kind == errorfs.Read && strings.HasSuffix(op.Name, s.name(0)) {
			return errInjected
		}
		return nil
	})
	if !errors.Is(err, errInjected) || !s.found(t) {
		t.Errorf("the scrub said %v, the damage is %v", err, s.data.Damage())
	}
}
