package rotation

import (
	"testing"
	"time"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// cluster is what a Next and a HandOver of a cluster at rest lead to.
func cluster(t *testing.T) (Record, Seen) {
	t.Helper()
	seen := Seen{Texts: map[string]string{}, Now: noon}
	var r Record
	for range 4 {
		r, _ = r.Next([]v1alpha1.TokenSpec{spec}, seen)
		seen.Digests = r.Digests(spec.Name, settings.RoleWriter)
		r, _ = r.HandOver(func(time.Time) bool { return true }, seen.Now)
		seen.Texts[spec.Name] = r.Text(spec.Name)
	}
	if len(seen.Digests) != 1 || digest(r.Text(spec.Name)) != seen.Digests[0].SHA256 {
		t.Fatalf("no token at rest: %+v", r)
	}
	return r, seen
}

func TestOperatorWasAway(t *testing.T) {
	r, seen := cluster(t)
	seen.Now = noon.Add(30 * 24 * time.Hour)
	for range 5 {
		r, _ = r.Next([]v1alpha1.TokenSpec{spec}, seen)
		seen.Digests = r.Digests(spec.Name, settings.RoleWriter)
	}
	if len(seen.Digests) != 2 {
		t.Errorf("%d tokens, want the one there was and one on its way, however many intervals passed", len(seen.Digests))
	}
}

func TestHealed(t *testing.T) {
	tests := map[string]struct {
		reason string
		damage func(*Record, *Seen)
		same   bool // the text
		keys   int
	}{
		"consumer's Secret deleted": {"the record has its text", func(_ *Record, s *Seen) { s.Texts = nil }, true, 1},
		"record deleted":            {"consumer and servers agree on a token", func(r *Record, _ *Seen) { *r = Record{} }, true, 1},
		"text edited":               {"servers accept the one that people have, until there is another", func(r *Record, _ *Seen) { r.Tokens[0].Keys[0].Text = newText() }, true, 1},
		"both lost":                 {"what people have in memory is good until another is handed over", func(r *Record, s *Seen) { *r, s.Texts = Record{}, nil }, false, 2},
		"a text of somebody's own":  {"servers never accepted it", func(r *Record, s *Seen) { *r, s.Texts = Record{}, map[string]string{spec.Name: newText()} }, false, 2},
		"times of next year": {
			"no clock is so wrong: the token would outlive its interval",
			func(r *Record, _ *Seen) { r.Tokens[0].Keys[0].Handed = noon.Add(365 * 24 * time.Hour) }, true, 1,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r, seen := cluster(t)
			text := r.Text(spec.Name)
			tc.damage(&r, &seen)
			r, _ = r.Next([]v1alpha1.TokenSpec{spec}, seen)
			if got := r.Text(spec.Name); (got == text) != tc.same {
				t.Errorf("%s: text %q after %q", tc.reason, got, text)
			}
			if got := r.Digests(spec.Name, settings.RoleWriter); len(got) != tc.keys {
				t.Errorf("%s: servers are told %d tokens, want %d", tc.reason, len(got), tc.keys)
			}
			if at := r.Tokens[0].Keys[0].Handed; at.After(noon.Add(Skew)) {
				t.Errorf("%s: handed over at %s", tc.reason, at)
			}
		})
	}
}

// The overlap is there for whoever reads the consumer's Secret: it begins when
// that holds the new text, however long the operator was dead in between.
func TestOverlapBeginsWithDelivery(t *testing.T) {
	r, seen := cluster(t)
	former := r.Text(spec.Name)
	next := func(now time.Time) []settings.Token {
		seen.Now = now
		r, _ = r.Next([]v1alpha1.TokenSpec{spec}, seen)
		seen.Digests = r.Digests(spec.Name, settings.RoleWriter)
		return seen.Digests
	}
	r = r.Ask(spec.Name, Rotate)
	next(noon)
	next(noon)
	r, _ = r.HandOver(func(time.Time) bool { return true }, noon)
	if r.Text(spec.Name) == former {
		t.Fatal("no other text is handed over")
	}
	delivered := noon
	for range 3 {
		delivered = delivered.Add(spec.Rotation.Overlap.Duration + 2*Skew)
		if !accepts(next(delivered), former) {
			t.Fatalf("the former token is refused after %s, and nobody has another", delivered.Sub(noon))
		}
	}
	seen.Texts[spec.Name] = r.Text(spec.Name)
	next(delivered)
	ends := delivered.Add(spec.Rotation.Overlap.Duration + Skew)
	if !accepts(next(ends.Add(-time.Second)), former) {
		t.Error("the former token is refused within the overlap of whoever read it last")
	}
	if accepts(next(ends), former) {
		t.Error("the former token is accepted after the overlap")
	}
}

func TestAcknowledged(t *testing.T) {
	tests := map[string]struct {
		reason  string
		members []Member
		since   time.Duration
		want    bool
	}{
		"nobody runs":          {"whoever starts reads the new file", nil, 0, true},
		"all have it":          {"", []Member{{true, true, "new"}, {false, true, "new"}}, 0, true},
		"one has another":      {"it refuses the new token", []Member{{true, true, "new"}, {true, true, "old"}}, time.Hour, false},
		"one serves mutely":    {"nobody knows what it accepts", []Member{{true, false, ""}}, time.Hour, false},
		"one starts":           {"it may have read the old file and serve in a moment", []Member{{false, false, ""}}, time.Minute, false},
		"another's clock":      {"it was published by one that is five minutes behind", []Member{{false, false, ""}}, 6 * time.Minute, false},
		"one has never served": {"its kubelet has brought the new file long ago", []Member{{false, false, ""}}, 10 * time.Minute, true},
		"one answers too soon": {"it may serve in a moment, with what it has loaded", []Member{{false, true, "old"}}, time.Hour, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Acknowledged(tc.members, "new", noon, noon.Add(tc.since)); got != tc.want {
				t.Errorf("got %t: %s", got, tc.reason)
			}
		})
	}
}
