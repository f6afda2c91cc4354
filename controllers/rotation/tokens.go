package rotation

import (
	"slices"
	"time"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Skew is by how much two machines may differ about the time. Whatever ends, ends
// that much later: the operator that began it may have run elsewhere.
const Skew = 5 * time.Minute

// What a rotation is where the spec does not say.
const (
	DefaultInterval = 720 * time.Hour
	DefaultOverlap  = 24 * time.Hour
)

// Seen is what one reconcile read beside the record.
type Seen struct {
	Digests []settings.Token  // in the servers' Secret
	Texts   map[string]string // in the consumers' Secrets, by the token's name
	Now     time.Time
}

// Change is what happened to a token.
type Change struct {
	Token string
	What  Event
}

// Event is a kind of Change.
type Event string

// Events.
const (
	Replaced Event = "Replaced" // a new text is handed over
	Revoked  Event = "Revoked"  // all earlier texts are refused
	Ended    Event = "Ended"    // an earlier text's overlap is over
)

// Next gives the record that follows without anything that members have to
// acknowledge. A record that was lost or edited is mended first.
func (r Record) Next(specs []v1alpha1.TokenSpec, seen Seen) (Record, []Change) {
	seen.Now = storable(seen.Now)
	out, stored := Record{Users: slices.Clone(r.Users)}, r.Clone()
	taken := map[string]bool{}
	var changes []Change
	for _, spec := range specs {
		t := Token{Name: spec.Name}
		if known := stored.token(spec.Name); known != nil {
			t = *known
		}
		t.heal(seen, taken)
		t.follow(seen)
		changes = append(changes, t.act(seen.Now)...)
		changes = append(changes, t.expire(spec, seen.Now)...)
		t.schedule(spec, seen.Now)
		out.Tokens = append(out.Tokens, t)
	}
	return out, changes
}

// HandOver gives the record in which every key that all members accept is handed
// over. Accepted tells whether they have loaded what was published at that time.
func (r Record) HandOver(accepted func(published time.Time) bool, now time.Time) (Record, []Change) {
	out := r.Clone()
	var changes []Change
	for i := range out.Tokens {
		t := &out.Tokens[i]
		k := t.pending()
		if k == nil || k.Published.IsZero() {
			continue
		}
		published := k.Published
		if len(t.Keys) == 1 {
			published = time.Time{} // nobody has an earlier text, so it waits for those that serve alone
		}
		if !accepted(published) {
			continue
		}
		if len(t.Keys) > 1 {
			changes = append(changes, Change{t.Name, Replaced})
		}
		k.Handed = storable(now)
	}
	return out, changes
}

// heal removes what is no key, and finds keys elsewhere when none is of use.
func (t *Token) heal(seen Seen, taken map[string]bool) {
	t.Keys = slices.DeleteFunc(t.Keys, func(k Key) bool { return !k.isWhole() || !take(taken, k.ID) })
	for i := range t.Keys {
		t.Keys[i].bound(seen.Now)
	}
	if t.Asked != Rotate && t.Asked != Revoke {
		t.Asked = ""
	}
	if t.current() != nil || t.pending() != nil {
		return
	}
	t.adopt(seen, taken)
	if t.current() == nil {
		t.make()
	}
}

// adopt takes over what servers accept already: the text that the consumer has
// goes on, and what others may have is superseded by it or by its successor.
func (t *Token) adopt(seen Seen, taken map[string]bool) {
	text := seen.Texts[t.Name]
	id, _ := keyID(text)
	var current []Key
	for _, d := range seen.Digests {
		k := Key{ID: d.KeyID, SHA256: d.SHA256, Published: seen.Now, Handed: seen.Now}
		if d.Name != t.Name || !k.isWhole() || !take(taken, k.ID) {
			continue
		}
		if k.ID == id && k.SHA256 == digest(text) {
			k.Text = text
			current = append(current, k)
			continue
		}
		t.Keys = append(t.Keys, k)
	}
	t.Keys = append(t.Keys, current...)
}

// follow notes what the Secrets hold by now.
func (t *Token) follow(seen Seen) {
	for i := range t.Keys {
		k := &t.Keys[i]
		published := func(d settings.Token) bool { return d.KeyID == k.ID && d.SHA256 == k.SHA256 }
		if k.Published.IsZero() && slices.ContainsFunc(seen.Digests, published) {
			k.Published = seen.Now
		}
	}
	current := t.current()
	if current == nil || seen.Texts[t.Name] != current.Text {
		return
	}
	for i := range t.Keys {
		k := &t.Keys[i]
		if k != current && k.Superseded.IsZero() && !k.Handed.IsZero() {
			k.Superseded, k.Text = seen.Now, ""
		}
	}
}

// act does what was asked. What is revoked is superseded at once, by a key that
// the consumer gets at the same time as the servers.
func (t *Token) act(now time.Time) []Change {
	asked := t.Asked
	t.Asked = ""
	switch {
	case asked == Revoke:
		t.Keys = nil
		t.make().Handed = now
		return []Change{{t.Name, Revoked}}
	case asked == Rotate && t.pending() == nil:
		t.make()
	}
	return nil
}

func (t *Token) expire(spec v1alpha1.TokenSpec, now time.Time) []Change {
	before := len(t.Keys)
	overlap := overlapOf(spec)
	t.Keys = slices.DeleteFunc(t.Keys, func(k Key) bool {
		return !k.Superseded.IsZero() && !now.Before(k.Superseded.Add(overlap+Skew))
	})
	if len(t.Keys) == before {
		return nil
	}
	return []Change{{t.Name, Ended}}
}

func (t *Token) schedule(spec v1alpha1.TokenSpec, now time.Time) {
	current := t.current()
	if spec.Rotation == nil || current == nil || t.pending() != nil {
		return
	}
	interval := DefaultInterval
	if d := spec.Rotation.Interval; d != nil {
		interval = d.Duration
	}
	if !now.Before(current.Handed.Add(interval)) {
		t.make()
	}
}

func overlapOf(spec v1alpha1.TokenSpec) time.Duration {
	if spec.Rotation != nil && spec.Rotation.Overlap != nil {
		return spec.Rotation.Overlap.Duration
	}
	return DefaultOverlap
}

func (k *Key) isWhole() bool {
	if k.Text == "" {
		return keyIDText.MatchString(k.ID) && digestText.MatchString(k.SHA256) && !k.Handed.IsZero()
	}
	id, ok := keyID(k.Text)
	return ok && id == k.ID && digest(k.Text) == k.SHA256
}

// bound brings times back that no clock can have told: they would put off the
// end of a key for as long.
func (k *Key) bound(now time.Time) {
	for _, t := range []*time.Time{&k.Published, &k.Handed, &k.Superseded} {
		bound(t, now)
	}
}

func bound(t *time.Time, now time.Time) {
	if t.After(now.Add(Skew)) {
		*t = now
	}
}

func take(taken map[string]bool, id string) bool {
	free := !taken[id]
	taken[id] = true
	return free
}

// storable gives the time as it is read back.
func storable(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
