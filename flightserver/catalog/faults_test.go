package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs/errorfs"
)

// state is what a client sees of all datasets; nil numbers are a dataset
// without data.
type state map[string][]int64

func (s state) with(name string, numbers ...int64) state {
	next := maps.Clone(s)
	next[name] = numbers
	return next
}

func (s state) without(name string) state {
	next := maps.Clone(s)
	delete(next, name)
	return next
}

func stateOf(ctx context.Context, c *Catalog) (state, error) {
	s := state{}
	for _, d := range c.List("") {
		if d.Version == 0 {
			s[d.Name()] = nil
			continue
		}
		numbers, err := get(ctx, c, d)
		if err != nil {
			return nil, err
		}
		s[d.Name()] = numbers
	}
	return s, nil
}

// change is one write with what it does to the state.
type change struct {
	name string
	do   func(context.Context, *Catalog) error
	next func(state) state
	// again says that one like it is in the list before: it need not fail twice.
	again bool
}

func putting(name string, mode Mode, numbers ...int64) func(context.Context, *Catalog) error {
	return func(ctx context.Context, c *Catalog) error {
		_, err := put(ctx, c, name, mode, numbers...)
		return err
	}
}

// changes is every kind of write, in an order in which each is possible.
var changes = withCompaction([]change{
	{name: "create", do: putting("a", ModeCreate, 1, 2), next: func(s state) state { return s.with("a", 1, 2) }},
	{name: "append", do: putting("a", ModeAppend, 3), next: func(s state) state { return s.with("a", append(s["a"], 3)...) }},
	{name: "create Parquet", do: putting("b.parquet", ModeReplace, 7, 8), next: func(s state) state { return s.with("b.parquet", 7, 8) }},
	{name: "replace", do: putting("a", ModeReplace, 4, 5), next: func(s state) state { return s.with("a", 4, 5) }},
	{name: "declare", do: func(ctx context.Context, c *Catalog) error {
		_, err := c.Declare(ctx, Declaration{Path: []string{"c"}, Schema: testSchema})
		return err
	}, next: func(s state) state { return s.with("c") }},
	{name: "append to declared", do: putting("c", ModeAppend, 9), next: func(s state) state { return s.with("c", 9) }},
	{name: "bind", do: func(ctx context.Context, c *Catalog) error {
		_, err := c.Declare(ctx, Declaration{Path: []string{"a"}, Schema: testSchema})
		return err
	}, next: func(s state) state { return s }},
	{name: "restore", do: func(ctx context.Context, c *Catalog) error {
		_, err := c.Restore(ctx, "a", 2)
		return err
	}, next: func(s state) state { return s.with("a", 1, 2, 3) }},
	{name: "rename", do: func(ctx context.Context, c *Catalog) error {
		return c.Rename(ctx, "b.parquet", "b/renamed")
	}, next: func(s state) state { return s.with("b/renamed", s["b.parquet"]...).without("b.parquet") }},
	{name: "parallel upload", do: parallelPut, next: func(s state) state { return s.with("p", 1, 2, 3) }},
	{name: "checkpoint", do: func(ctx context.Context, c *Catalog) error { return c.checkpoint(ctx) }, next: func(s state) state { return s }},
	{name: "rename again", do: func(ctx context.Context, c *Catalog) error {
		return c.Rename(ctx, "b/renamed", "b.parquet")
	}, next: func(s state) state { return s.with("b.parquet", s["b/renamed"]...).without("b/renamed") }},
	{name: "drop", do: func(ctx context.Context, c *Catalog) error { return c.Drop(ctx, "b.parquet", "") }, next: func(s state) state { return s.without("b.parquet") }},
	{name: "sweep", do: func(ctx context.Context, c *Catalog) error { c.store.Sweep(ctx); return nil }, next: func(s state) state { return s }},
	{name: "create again", do: putting("b.parquet", ModeCreate, 6), next: func(s state) state { return s.with("b.parquet", 6) }},
})

// withCompaction adds what leaves many small segments, and what makes one of
// them.
func withCompaction(changes []change) []change {
	for n := range int64(8) {
		changes = append(changes, change{name: "append small", do: putting("c", ModeAppend, n), next: func(s state) state { return s.with("c", append(s["c"], n)...) }, again: n > 0})
	}
	return append(changes,
		change{name: "compact", do: func(ctx context.Context, c *Catalog) error { c.store.Compact(ctx); return nil }, next: func(s state) state { return s }},
		change{name: "sweep compacted", do: func(ctx context.Context, c *Catalog) error { c.store.Sweep(ctx); return nil }, next: func(s state) state { return s }},
		change{name: "append to compacted", do: putting("c", ModeAppend, 8), next: func(s state) state { return s.with("c", append(s["c"], 8)...) }},
	)
}

// parallelPut uploads two parts, and leaves nothing when it fails.
func parallelPut(ctx context.Context, c *Catalog) error {
	p, err := c.StartParallelUpload(ctx, UploadRequest{Path: []string{"p"}})
	if err != nil {
		return err
	}
	for _, numbers := range [][]int64{{1, 2}, {3}} {
		if _, err := putID(ctx, c, "p", "", p.ID, numbers...); err != nil {
			return errors.Join(err, c.AbortParallelUpload(ctx, p.ID))
		}
	}
	if _, err = c.FinishParallelUpload(ctx, p.ID); err != nil {
		return errors.Join(err, c.AbortParallelUpload(ctx, p.ID))
	}
	return nil
}

// quiet keeps the sweeper's own complaints out of a test's log.
func quiet(fs vfs.FS) Options {
	o := testOptions(fs)
	o.KeepSuperseded = 0 // every sweep has something to delete
	o.Logger = discard
	o.Maintenance.CompactRate = 1 << 30
	return o
}

// prepared gives copies of a file system on which the first n changes are done.
func prepared(t *testing.T, n int) (func() *vfs.Memory, state) {
	t.Helper()
	fs, s := vfs.NewMemory(), state{}
	c, err := Open(t.Context(), quiet(fs))
	if err != nil {
		t.Fatal(err)
	}
	for _, ch := range changes[:n] {
		if err := ch.do(t.Context(), c); err != nil {
			t.Fatal(ch.name, err)
		}
		s = ch.next(s)
	}
	mustClose(t, c)
	return func() *vfs.Memory { return fs.CrashClone(func() bool { return true }) }, s
}

// wantRecovered opens what is found after a fault. It must be one of the
// states, be clean, and be writable.
func wantRecovered(t *testing.T, when string, fs vfs.FS, allowed ...state) {
	t.Helper()
	if problems, err := check(t.Context(), fs, "data"); err != nil || len(problems) > 0 {
		t.Errorf("%s: check found %v, %v", when, problems, err)
	}
	c, err := Open(t.Context(), quiet(fs))
	if err != nil {
		t.Errorf("%s: open: %v", when, err)
		return
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Errorf("%s: close: %v", when, err)
		}
	}()
	got, err := stateOf(t.Context(), c)
	if err != nil || !slices.ContainsFunc(allowed, func(s state) bool { return fmt.Sprint(s) == fmt.Sprint(got) }) {
		t.Errorf("%s: found %v (%v), want one of %v", when, got, err, allowed)
	}
	if _, err := put(t.Context(), c, "after", ModeReplace, 1); err != nil {
		t.Errorf("%s: cannot be written: %v", when, err)
	}
}

// TestNthOperationFails fails each operation of each change in turn. A change
// that reports an error is not there, one that reports none is, and only an
// unknown outcome may be either.
func TestNthOperationFails(t *testing.T) { //nolint:tparallel // its images are enough for the memory at a time
	injected := errors.New("injected")
	for i, ch := range changes {
		if ch.again {
			continue
		}
		t.Run(ch.name, func(t *testing.T) {
			t.Parallel()
			copied, before := prepared(t, i)
			after := ch.next(before)
			for n := int64(0); ; n++ {
				fs := copied()
				fault := &errorfs.Nth{N: n, Err: injected}
				c, err := Open(t.Context(), quiet(errorfs.New(fs, fault.Inject)))
				allowed := []state{before}
				if err == nil {
					err = ch.do(t.Context(), c)
					switch {
					case err == nil:
						allowed = []state{after}
					case errors.Is(err, ErrOutcomeUnknown):
						allowed = []state{before, after}
					}
					if errors.Is(err, injected) == (err == nil) && err != nil {
						t.Errorf("operation %d: error %v does not tell the cause", n, err)
					}
					wantLive(t, n, c, allowed)
					mustCloseFaulty(c)
				}
				wantRecovered(t, fmt.Sprintf("operation %d failed (%v)", n, err), fs, allowed...)
				if !fault.Done() {
					return
				}
			}
		})
	}
}

// wantLive looks at the catalog that met the fault, which goes on serving.
func wantLive(t *testing.T, n int64, c *Catalog, allowed []state) {
	t.Helper()
	got, err := stateOf(t.Context(), c)
	if err != nil {
		got, err = stateOf(t.Context(), c) // this reading may have met the fault itself
	}
	if err != nil || !slices.ContainsFunc(allowed, func(s state) bool { return fmt.Sprint(s) == fmt.Sprint(got) }) {
		t.Errorf("operation %d failed: serves %v (%v), want one of %v", n, got, err, allowed)
	}
}

// mustCloseFaulty closes what may fail to close.
func mustCloseFaulty(c *Catalog) { _ = c.Close() }

// TestPowerLoss pulls the power before every operation of every change, with
// everything unsynced lost, and with a random part of it on the disk.
func TestPowerLoss(t *testing.T) { //nolint:tparallel // as above
	var mu sync.Mutex
	type image struct {
		fs      *vfs.Memory
		when    string
		allowed []state
	}
	var images []image
	fs := vfs.NewMemory()
	before, after, step := state{}, state{}, "open"
	count, again := 0, false
	synced := true // since the last image without what is not
	inject := func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		count++
		if again || !op.Kind.Changes() && op.Kind != errorfs.Close {
			return nil // nothing is forgotten by reading
		}
		when := fmt.Sprintf("%s, before operation %d, %s of %s", step, count, op.Kind, op.Name)
		allowed := []state{before, after}
		if synced {
			images = append(images, image{fs.CrashClone(nil), when, allowed})
		}
		synced = op.Kind == errorfs.Sync || op.Kind == errorfs.SyncDir
		for seed := range uint64(3) {
			r := rand.New(rand.NewPCG(uint64(count), seed))
			survives := func() bool { return r.IntN(2) == 0 }
			images = append(images, image{fs.CrashClone(survives), fmt.Sprintf("%s, seed %d", when, seed), allowed})
		}
		return nil
	}
	c, err := Open(t.Context(), quiet(errorfs.New(fs, inject)))
	if err != nil {
		t.Fatal(err)
	}
	for _, ch := range changes {
		mu.Lock()
		step, after, again = ch.name, ch.next(before), ch.again
		mu.Unlock()
		if err := ch.do(t.Context(), c); err != nil {
			t.Fatal(ch.name, err)
		}
		mu.Lock()
		before = after
		images = append(images, image{fs.CrashClone(nil), ch.name + " was acknowledged", []state{after}})
		mu.Unlock() // the sweeper works on
	}
	mustClose(t, c)
	t.Logf("%d images", len(images))
	const verifiers = 4
	for first := range verifiers {
		t.Run(fmt.Sprint("images ", first), func(t *testing.T) {
			t.Parallel()
			for i := first; i < len(images); i += verifiers {
				if _, err := images[i].fs.List("data"); err != nil {
					continue // the directory itself was not durable yet
				}
				wantRecovered(t, images[i].when, images[i].fs, images[i].allowed...)
			}
		})
	}
}

// TestFullVolume fills the volume before each operation of each change.
// Nothing is lost, reading goes on, and so does dropping, which makes room.
func TestFullVolume(t *testing.T) { //nolint:tparallel // as above
	for i, ch := range changes {
		if ch.again || strings.HasPrefix(ch.name, "sweep") || ch.name == "drop" {
			continue // one like it was there, or it makes room itself
		}
		t.Run(ch.name, func(t *testing.T) {
			t.Parallel()
			copied, before := prepared(t, i)
			n := 0
			for fillVolume(t, copied(), ch, before, n) {
				n++
			}
		})
	}
}

// fillVolume does a change with room for n operations, and tells whether that
// was too little.
func fillVolume(t *testing.T, fs *vfs.Memory, ch change, before state, n int) bool {
	t.Helper()
	volume := &fullVolume{room: n}
	c, err := Open(t.Context(), quiet(errorfs.New(fs, volume.inject)))
	allowed := []state{before, ch.next(before)}
	if err == nil {
		err = ch.do(t.Context(), c)
		if err != nil && !errors.Is(err, ErrNoSpace) {
			t.Errorf("room for %d operations: %v, want %v", n, err, ErrNoSpace)
		}
		if err != nil && !errors.Is(err, ErrOutcomeUnknown) {
			allowed = allowed[:1]
		}
		wantLive(t, int64(n), c, allowed)
		if _, ok := before["a"]; ok && volume.wasFull() {
			if err := c.Drop(t.Context(), "a", ""); err != nil {
				t.Errorf("room for %d operations: drop: %v", n, err)
			}
			for j := range allowed {
				allowed[j] = allowed[j].without("a")
			}
		}
		mustCloseFaulty(c)
	}
	wantRecovered(t, fmt.Sprintf("room for %d operations (%v)", n, err), fs, allowed...)
	return volume.wasFull()
}

// fullVolume refuses what needs room once so many operations had it. Removing
// the reserve makes room for a few more.
type fullVolume struct {
	mu   sync.Mutex
	room int
	full bool
}

func (v *fullVolume) inject(op errorfs.Op) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch op.Kind {
	case errorfs.Remove:
		if v.full && strings.HasSuffix(op.Name, "RESERVE") {
			v.room = 5
		}
	case errorfs.Create, errorfs.Write, errorfs.Mkdir, errorfs.Link:
		if v.room--; v.room < 0 {
			v.full = true
			return syscall.ENOSPC
		}
	}
	return nil
}

func (v *fullVolume) wasFull() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.full
}

// TestPowerLossAfterUnknownOutcome lets a retry find a version that was linked
// and never synced. Once it is acknowledged, a loss of power must not take it.
func TestPowerLossAfterUnknownOutcome(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, quiet(fs))
	d := mustPut(t, c, "a", ModeCreate, 1)
	mustClose(t, c)

	failing := func(op errorfs.Op) error {
		if op.Kind == errorfs.SyncDir && strings.HasSuffix(op.Name, d.ID+"/m") {
			return errors.New("injected")
		}
		return nil
	}
	c = mustOpen(t, quiet(errorfs.New(fs, failing)))
	_, err := putID(t.Context(), c, "a", ModeAppend, "retried", 2)
	wantError(t, err, ErrOutcomeUnknown)
	mustClose(t, c)

	c = mustOpen(t, quiet(fs))
	if again, err := putID(t.Context(), c, "a", ModeAppend, "retried", 2); err != nil || again.Version != 2 {
		t.Fatalf("the retry made %+v, %v", again, err)
	}
	wantRecovered(t, "after the retry", fs.CrashClone(nil), state{"a": {1, 2}})
}
