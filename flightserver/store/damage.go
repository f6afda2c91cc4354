package store

import (
	"cmp"
	"errors"
	"maps"
	"slices"
)

// Damage is what scrubs and reads found wrong; nil: nothing. It stays until a
// scrub finds the segment whole, or until it is gone.
func (d *Dataset) Damage() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := slices.SortedFunc(maps.Keys(d.mu.damage), func(a, b Segment) int {
		return cmp.Or(cmp.Compare(a.Upload, b.Upload), cmp.Compare(a.Number, b.Number))
	})
	var damage error
	for _, s := range found {
		damage = errors.Join(damage, d.mu.damage[s])
	}
	return damage
}

// foundDamage remembers what is wrong with a segment, and tells of it once. Who
// reads it next maps it anew: the file may be another by then.
func (d *Dataset) foundDamage(s Segment, damage error) {
	name := s.name(d.id)
	d.store.mappings.forget(name)
	d.mu.Lock()
	_, known := d.mu.damage[s]
	if d.mu.damage == nil {
		d.mu.damage = map[Segment]error{}
	}
	d.mu.damage[s] = damage
	d.mu.Unlock()
	if !known {
		d.store.options.Logger.Error("segment is damaged", "dataset", d.id, "segment", name, "error", damage)
	}
}

// foundWhole forgets the damage of a segment that was mended.
func (d *Dataset) foundWhole(s Segment) {
	d.mu.Lock()
	_, known := d.mu.damage[s]
	delete(d.mu.damage, s)
	d.mu.Unlock()
	if known {
		d.store.options.Logger.Info("segment is whole again", "dataset", d.id, "segment", s.name(d.id))
	}
}

// forgetDamageLocked forgets that of an upload which is about to be deleted.
func (d *Dataset) forgetDamageLocked(upload string) {
	maps.DeleteFunc(d.mu.damage, func(s Segment, _ error) bool { return s.Upload == upload })
}

// hasDamaged tells whether one of the segments is known to be damaged.
func (d *Dataset) hasDamaged(segments []Segment) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(segments, func(s Segment) bool { return d.mu.damage[s] != nil })
}
