package catalog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs/errorfs"
)

// history is what the versions of a dataset held, the first one's first. Each
// replaced what was and was appended to.
var history = [][]int64{{1}, {1, 2}, {3}, {3, 4}, {5}, {5, 6}}

const retainedVersions = 2 // of history, which the retentions below leave

// retained is a dataset with a history, about to get a retention.
type retained struct {
	fs        *vfs.Memory
	id        string
	now       time.Time
	bytes     int64 // of the versions that are to stay
	retention Retention
}

// retentions leave the same versions, each for a reason of its own.
func retentions(t *testing.T) map[string]retained {
	t.Helper()
	fs, clock := vfs.NewMemory(), testclock.NewFakeClock(time.Unix(1e9, 0))
	o := quiet(fs)
	o.Clock, o.KeepSuperseded = clock, testKeep
	c := mustOpen(t, o)
	var newest Dataset
	for i, numbers := range history {
		clock.Step(time.Minute)
		if i%2 == 0 {
			newest = mustPut(t, c, "d", ModeReplace, numbers...)
		} else {
			newest = mustPut(t, c, "d", ModeAppend, numbers[1:]...)
		}
	}
	mustClose(t, c)
	r := retained{fs: fs, id: newest.ID, now: clock.Now(), bytes: newest.Bytes}
	all := map[string]retained{}
	for name, retention := range map[string]Retention{
		"versions": {Versions: retainedVersions},
		"age":      {Age: 90 * time.Second},
		"bytes":    {Bytes: newest.Bytes},
	} {
		r.retention = retention
		all[name] = r
	}
	return all
}

func (r retained) options(fs vfs.FS) Options {
	o := quiet(fs)
	o.KeepSuperseded = testKeep
	o.Clock = testclock.NewFakeClock(r.now.Add(time.Minute))
	return o
}

// retire declares the retention and sweeps.
func (r retained) retire(t *testing.T, c *Catalog) error {
	t.Helper()
	_, err := c.Declare(t.Context(), Declaration{Path: []string{"d"}, Policy: Policy{Retention: r.retention}})
	c.store.Sweep(t.Context())
	return err
}

// wantVersions reads all that are left: the newest so many at least, each as it
// was.
func (r retained) wantVersions(t *testing.T, when string, c *Catalog) {
	t.Helper()
	numbers := versionsOf(t, c, "d")
	first := len(history) - len(numbers)
	if len(numbers) < retainedVersions || numbers[0] != uint64(first+1) {
		t.Fatalf("%s: versions %v are left", when, numbers)
	}
	for i, number := range numbers {
		d, err := c.Version("d", number)
		if err != nil {
			t.Fatalf("%s: version %d: %v", when, number, err)
		}
		got, err := get(t.Context(), c, d)
		if err != nil {
			got, err = get(t.Context(), c, d) // this reading may have met the fault itself
		}
		if err != nil || !slices.Equal(got, history[first+i]) {
			t.Errorf("%s: version %d holds %v, %v, want %v", when, number, got, err, history[first+i])
		}
	}
}

// wantRetired has what is to stay, and neither files nor bytes of anything else.
func (r retained) wantRetired(t *testing.T, when string, fs *vfs.Memory, c *Catalog) {
	t.Helper()
	r.wantVersions(t, when, c)
	s, err := c.Storage("d")
	if versions := versionsOf(t, c, "d"); len(versions) != retainedVersions || err != nil || s.Bytes != r.bytes || c.store.Stored() != r.bytes {
		t.Errorf("%s: versions %v are left in %+v, %v, of %d, want %d", when, versions, s, err, c.store.Stored(), r.bytes)
	}
	if n := uploadsIn(t, fs, r.id); n != retainedVersions {
		t.Errorf("%s: the files of %d uploads are left", when, n)
	}
}

// wantRecovered opens what a fault left, and ends what it interrupted.
func (r retained) wantRecovered(t *testing.T, when string, fs *vfs.Memory) {
	t.Helper()
	if problems, err := check(t.Context(), fs, "data"); err != nil || len(problems) > 0 {
		t.Errorf("%s: check found %v, %v", when, problems, err)
	}
	c, err := Open(t.Context(), r.options(fs))
	if err != nil {
		t.Fatalf("%s: open: %v", when, err)
	}
	r.wantVersions(t, when, c)
	if err := r.retire(t, c); err != nil {
		t.Errorf("%s: declaring again: %v", when, err)
	}
	r.wantRetired(t, when+", and retired again", fs, c)
	mustClose(t, c)
}

// TestNthOperationOfRetentionFails loses no version that is to stay, and keeps
// no file of one that went, once there was a sweep without a failure.
func TestNthOperationOfRetentionFails(t *testing.T) {
	t.Parallel()
	for name, r := range retentions(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := int64(0); ; n++ {
				when := fmt.Sprintf("operation %d failed", n)
				fs := r.fs.CrashClone(func() bool { return true })
				fault := &errorfs.Nth{N: n, Err: errors.New("injected")}
				c, err := Open(t.Context(), r.options(errorfs.New(fs, fault.Inject)))
				if err == nil {
					declared := r.retire(t, c)
					r.wantVersions(t, when, c)
					c.store.Sweep(t.Context())
					if declared == nil {
						r.wantRetired(t, when+", and another sweep", fs, c)
					}
					mustCloseFaulty(c)
				}
				r.wantRecovered(t, when, fs)
				if !fault.Done() {
					return
				}
			}
		})
	}
}

// TestPowerLossInRetention pulls the power before every operation.
func TestPowerLossInRetention(t *testing.T) {
	t.Parallel()
	for name, r := range retentions(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fs := r.fs.CrashClone(func() bool { return true })
			var mu sync.Mutex
			images := map[string]*vfs.Memory{}
			inject := func(op errorfs.Op) error {
				mu.Lock()
				defer mu.Unlock()
				if op.Kind.Changes() {
					random := rand.New(rand.NewPCG(uint64(len(images)), 0))
					when := fmt.Sprintf("before %s of %s, image %d", op.Kind, op.Name, len(images))
					images[when] = fs.CrashClone(nil)
					images[when+" with some of it"] = fs.CrashClone(func() bool { return random.IntN(2) == 0 })
				}
				return nil
			}
			c := mustOpen(t, r.options(errorfs.New(fs, inject)))
			if err := r.retire(t, c); err != nil {
				t.Fatal(err)
			}
			r.wantRetired(t, "without a loss", fs, c)
			mustClose(t, c)
			for when, image := range images {
				r.wantRecovered(t, when, image)
			}
		})
	}
}
