package store

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/time/rate"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs/errorfs"
)

// accountedWork is what changes how much a dataset has, in an order in which
// each is possible. Any of it may fail.
var accountedWork = []struct {
	name string
	do   func(*testing.T, *Dataset) error
}{
	{"append", func(t *testing.T, d *Dataset) error { return addNumbers(t, d, false) }},
	{"abort", func(t *testing.T, d *Dataset) error {
		w, err := writeNumbers(t, d)
		if err == nil {
			err = errors.Join(w.Flush(), w.Abort(t.Context()))
		}
		return err
	}},
	{"compact", func(t *testing.T, d *Dataset) error {
		for range compactFrom {
			if err := addNumbers(t, d, false); err != nil {
				return err
			}
		}
		_, err := d.Compact(t.Context(), rate.NewLimiter(rate.Inf, 1))
		return err
	}},
	{"replace", func(t *testing.T, d *Dataset) error { return addNumbers(t, d, true) }},
	{"restore", func(t *testing.T, d *Dataset) error {
		_, err := d.Restore(t.Context(), d.Newest().Number-1)
		return err
	}},
	{"sweep", sweepStore},
	{"drop", func(t *testing.T, d *Dataset) error {
		d.Drop()
		return errors.Join(sweepStore(t, d), sweepStore(t, d))
	}},
}

func sweepStore(t *testing.T, d *Dataset) error {
	t.Helper()
	d.store.Sweep(t.Context())
	return nil
}

func writeNumbers(t *testing.T, d *Dataset) (*Writer, error) {
	t.Helper()
	rec := recordOf(t, segmentTypes[0].t, segmentTypes[0].values)
	defer rec.Release()
	w, err := d.NewWriter(rec.Schema())
	if err != nil {
		return nil, err
	}
	if err := w.Write(t.Context(), Batch{Record: rec}); err != nil {
		return nil, errors.Join(err, w.Abort(t.Context()))
	}
	return w, nil
}

func addNumbers(t *testing.T, d *Dataset, replace bool) error {
	t.Helper()
	w, err := writeNumbers(t, d)
	if err != nil {
		return err
	}
	if _, err := w.Commit(t.Context(), RandomID(), replace); err != nil {
		return errors.Join(err, w.Abort(t.Context()))
	}
	return nil
}

// wantAccounted compares what counts towards the quotas with what the versions
// have: no upload is under way.
func wantAccounted(t *testing.T, when string, s *Store) {
	t.Helper()
	total := int64(0)
	for _, d := range s.all() {
		d.mu.Lock()
		has := int64(0)
		for _, bytes := range d.directoriesLocked() {
			has += bytes
		}
		d.mu.Unlock()
		if d.Stored() != has || d.uploading.Load() != 0 {
			t.Errorf("%s: the dataset counts %d bytes and uploads of %d, its versions have %d", when, d.Stored(), d.uploading.Load(), has)
		}
		total += has
	}
	if s.Stored() != total || s.uploading.Load() != 0 {
		t.Errorf("%s: all count %d bytes and uploads of %d, the datasets have %d", when, s.Stored(), s.uploading.Load(), total)
	}
}

// TestQuotasAreExactAfterFailures: whatever fails, no byte counts that is not
// there, and none is there that does not.
func TestQuotasAreExactAfterFailures(t *testing.T) {
	for n, reached := int64(0), true; reached; n++ {
		fault := &errorfs.Nth{N: n, Err: errInjected}
		reached = accountFor(t, fault)
	}
}

// accountFor does all the work with one failure, and tells whether it came to
// that.
func accountFor(t *testing.T, fault *errorfs.Nth) bool {
	t.Helper()
	fs, armed := vfs.NewMemory(), false
	s, err := Open(Options{
		Dir: "data", Clock: testclock.NewFakeClock(time.Unix(1e9, 0)), Logger: slog.New(slog.DiscardHandler),
		FS: errorfs.New(fs, func(op errorfs.Op) error {
			if !armed {
				return nil
			}
			return fault.Inject(op)
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	d := s.NewDataset(RandomID(), FormatArrow)
	for range 2 {
		if err := addNumbers(t, d, false); err != nil {
			t.Fatal(err)
		}
	}
	armed = true
	for _, work := range accountedWork {
		err := work.do(t, d)
		if err != nil && !fault.Done() {
			t.Fatalf("%s, without a failure: %v", work.name, err)
		}
		wantAccounted(t, work.name, s)
	}
	return fault.Done()
}
