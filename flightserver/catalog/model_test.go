package catalog

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// model is what the datasets must hold: the uploads that were acknowledged, in
// the order of their versions.
type model struct {
	mu       sync.Mutex
	versions map[string]map[uint64]acknowledged // by dataset id
}

type acknowledged struct {
	mode     Mode
	number   int64
	restored uint64 // the version whose content this one has; 0: it was uploaded
}

func (m *model) add(d Dataset, a acknowledged) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.versions[d.ID] == nil {
		m.versions[d.ID] = map[uint64]acknowledged{}
	}
	m.versions[d.ID][d.Version] = a
}

// at replays a dataset's uploads up to a version; ok is false while one of them
// is not acknowledged yet.
func (m *model) at(id string, version uint64) (numbers []int64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.atLocked(id, version)
}

func (m *model) atLocked(id string, version uint64) (numbers []int64, ok bool) {
	for v := uint64(1); v <= version; v++ {
		a, known := m.versions[id][v]
		switch {
		case !known:
			return nil, false
		case a.restored > 0:
			if numbers, ok = m.atLocked(id, a.restored); !ok {
				return nil, false
			}
			continue
		case a.mode != ModeAppend:
			numbers = nil
		}
		numbers = append(numbers, a.number)
	}
	return numbers, true
}

// change does something to a name that is no upload.
func (m *model) change(ctx context.Context, c *Catalog, r *rand.Rand, name, other string) error {
	switch r.IntN(4) {
	case 0:
		return c.Drop(ctx, name, "")
	case 1:
		return c.Rename(ctx, name, other)
	case 2:
		c.store.Compact(ctx)
		return nil
	}
	versions, err := c.Versions(name)
	if err != nil || len(versions) == 0 {
		return err
	}
	old := versions[r.IntN(len(versions))].Version
	d, err := c.Restore(ctx, name, old)
	if err == nil && d.Version != old {
		m.add(d, acknowledged{restored: old})
	}
	return err
}

// TestModel writes, reads, restores, renames, compacts and drops three names
// from many goroutines. Every read is exactly one version, and in the end every acknowledged upload that
// was not replaced or dropped is there, also after reopening.
func TestModel(t *testing.T) {
	const writers, readers, rounds = 6, 3, 60
	names := []string{"a", "b.parquet", "c"}
	fs := vfs.NewMemory()
	o := quiet(fs)
	o.KeepSuperseded = testKeep
	c := mustOpen(t, o)
	m := &model{versions: map[string]map[uint64]acknowledged{}}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			for round := range rounds {
				number := int64(w*rounds + round)
				name := names[r.IntN(len(names))]
				mode := []Mode{ModeCreate, ModeAppend, ModeAppend, ModeReplace}[r.IntN(4)]
				if r.IntN(8) == 0 {
					err := m.change(t.Context(), c, r, name, names[r.IntN(len(names))])
					if err != nil && !errors.Is(err, ErrDatasetNotFound) && !errors.Is(err, ErrDatasetExists) && !errors.Is(err, ErrVersionNotFound) {
						t.Error(err)
					}
					continue
				}
				d, err := put(t.Context(), c, name, mode, number)
				switch {
				case err == nil:
					m.add(d, acknowledged{mode: mode, number: number})
				case !errors.Is(err, ErrDatasetExists) && !errors.Is(err, ErrDatasetNotFound):
					t.Error(mode, err)
				}
			}
		})
	}
	for range readers {
		wg.Go(func() {
			for range rounds {
				for _, d := range c.List("") {
					wantModel(t, c, m, d)
				}
			}
		})
	}
	wg.Wait()
	for range 2 {
		for _, d := range c.List("") {
			if _, ok := m.at(d.ID, d.Version); !ok {
				t.Errorf("%s has a version that was not acknowledged", d.Name())
			}
			wantModel(t, c, m, d)
		}
		mustClose(t, c)
		c = mustOpen(t, o)
	}
}

func wantModel(t *testing.T, c *Catalog, m *model, d Dataset) {
	t.Helper()
	got, err := get(t.Context(), c, d)
	if errors.Is(err, ErrDatasetNotFound) {
		return // dropped since it was listed
	}
	want, ok := m.at(d.ID, d.Version)
	if err != nil || (ok && !slices.Equal(got, want)) || int64(len(got)) != d.Rows {
		t.Errorf("%s version %d reads %v, %v, want %v", d.Name(), d.Version, got, err, want)
	}
}
