package store

import (
	"context"
	"slices"
	"time"
)

// Retention bounds the versions that are kept for reading. A bound that is zero
// bounds nothing. The newest version stays, whatever the bounds say, and so
// does one that was newest within Options.KeepAtLeast. The zero retention is
// Options.KeepSuperseded.
type Retention struct {
	Versions int           // that are kept, the newest included
	Age      time.Duration // since a newer version came
	Bytes    int64         // of all versions
}

// sweep retires versions and deletes what nobody reads: manifests before the
// segments that they name.
func (d *Dataset) sweep(ctx context.Context) error {
	if gone, err := d.sweepDropped(ctx); gone || err != nil {
		return err
	}
	d.mu.Lock()
	d.retireLocked(d.store.options.Clock.Now())
	var base uint64
	if len(d.mu.versions) > 0 {
		base = d.mu.versions[0].base
	}
	trim := base > d.mu.trimmed
	d.mu.Unlock()
	if trim {
		if err := d.store.commits.Trim(ctx, logName(d.id), base); err != nil {
			return err
		}
	}
	d.mu.Lock()
	d.mu.trimmed = base
	d.condemnLocked()
	d.mu.Unlock()
	if err := d.deleteCondemned(ctx); err != nil {
		return err
	}
	return d.warm(ctx)
}

// retireLocked takes away the oldest versions that need not be kept.
func (d *Dataset) retireLocked(now time.Time) {
	n, beyond := 0, beyondBytes(d.mu.versions, d.mu.policy.Retention.Bytes)
	for n+1 < len(d.mu.versions) && d.expiredLocked(d.mu.versions[n:], n < beyond, now) {
		d.mu.versions[n].generation.versions--
		n++
	}
	if n > 0 {
		d.mu.versions = slices.Clone(d.mu.versions[n:])
	}
}

// expiredLocked tells whether the first of several versions may go, which is
// beyond the bytes that they may take together, or not.
func (d *Dataset) expiredLocked(versions []*version, beyond bool, now time.Time) bool {
	r, superseded := d.mu.policy.Retention, now.Sub(versions[1].created)
	switch {
	case r == (Retention{}):
		return superseded >= d.store.options.KeepSuperseded
	case superseded < d.store.options.KeepAtLeast:
		return false
	}
	return beyond || r.Age > 0 && superseded >= r.Age || r.Versions > 0 && len(versions) > r.Versions
}

// beyondBytes gives how many of the oldest versions must go so that the others
// take at most so many bytes together; zero bounds nothing.
func beyondBytes(versions []*version, bound int64) int {
	if bound <= 0 {
		return 0
	}
	counted := map[Segment]bool{}
	total := int64(0)
	for i, v := range slices.Backward(versions) {
		if i+1 < len(versions) && versions[i+1].generation == v.generation {
			continue // the next has all that it has
		}
		for _, p := range v.partitions {
			for _, s := range p.segments {
				if !counted[s] {
					counted[s] = true
					total += s.Bytes
				}
			}
		}
		if total > bound {
			return i + 1
		}
	}
	return 0
}

// condemnLocked takes away the generations without a readable version that
// nobody reads. Their files go, but for those that others use as well.
func (d *Dataset) condemnLocked() {
	var kept, idle []*generation
	for _, g := range d.mu.generations {
		if g.versions == 0 && g.readers == 0 {
			idle = append(idle, g)
		} else {
			kept = append(kept, g)
		}
	}
	if len(idle) == 0 {
		return
	}
	d.mu.generations = kept
	used := d.directoriesLocked()
	left := int64(0)
	for _, bytes := range used {
		left += bytes
	}
	d.count(left - d.Stored())
	for _, g := range idle {
		for upload := range g.last.directories() {
			if _, kept := used[upload]; !kept {
				used[upload] = 0
				d.mu.condemned = append(d.mu.condemned, upload)
				d.forgetDamageLocked(upload)
			}
		}
	}
}

// deleteCondemned deletes what condemnLocked found. What fails is tried again by
// the next sweep.
func (d *Dataset) deleteCondemned(ctx context.Context) error {
	d.mu.Lock()
	condemned := d.mu.condemned
	d.mu.condemned = nil
	d.mu.Unlock()
	for i, upload := range condemned {
		if err := d.store.segments.Delete(ctx, uploadName(d.id, upload)); err != nil {
			d.mu.Lock()
			d.mu.condemned = append(d.mu.condemned, condemned[i:]...)
			d.mu.Unlock()
			return err
		}
	}
	return nil
}

// sweepDropped deletes a dropped dataset that nobody uses.
func (d *Dataset) sweepDropped(ctx context.Context) (bool, error) {
	d.mu.Lock()
	dropped, idle := d.mu.dropped, d.mu.holders == 0
	d.mu.Unlock()
	if !dropped || !idle {
		return dropped, nil
	}
	if err := d.store.Remove(ctx, d.id); err != nil {
		return true, err
	}
	d.store.forget(d)
	d.count(-d.Stored())
	return true, nil
}
