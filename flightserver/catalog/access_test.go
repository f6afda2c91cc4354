package catalog

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// Access rules are those of the latest declaration, after restarts and
// checkpoints as well; none and an empty list of them are not the same.
func TestAccessRules(t *testing.T) {
	fs := vfs.NewMemory()
	c := mustOpen(t, testOptions(fs))
	mustPut(t, c, "open", ModeCreate, 1)
	rules := []settings.AccessRule{{
		Subjects: []settings.Subject{{Kind: settings.SubjectToken, Name: "etl"}},
		Verbs:    []settings.AccessVerb{settings.AccessRead},
	}}
	var id string
	for _, want := range [][]settings.AccessRule{rules, {}, nil, rules} {
		d, err := c.Declare(t.Context(), Declaration{Path: []string{"d"}, Access: want})
		if err != nil {
			t.Fatal(err)
		}
		id = d.ID
		before := entriesIn(t, fs)
		if _, err := c.Declare(t.Context(), Declaration{Path: []string{"d"}, Access: want}); err != nil || entriesIn(t, fs) != before {
			t.Errorf("declaring %v again: %v, %d entries more", want, err, entriesIn(t, fs)-before)
		}
		for _, checkpoint := range []bool{false, true} {
			if checkpoint {
				if err := c.checkpoint(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			mustClose(t, c)
			c = mustOpen(t, testOptions(fs))
			if diff := cmp.Diff(want, c.Access("d", "")); diff != "" {
				t.Errorf("checkpoint %t:\n%s", checkpoint, diff)
			}
			all := maps.Collect(c.AccessRules())
			if _, listed := all["d"]; listed != (want != nil) || len(all) > 1 {
				t.Errorf("datasets with rules: %v", all)
			}
		}
	}
	for _, tc := range []struct {
		name, id string
		want     []settings.AccessRule
	}{{"d", "", rules}, {"open", "", nil}, {"nope", "", nil}, {"open", id, rules}, {"d", "0", nil}} {
		if diff := cmp.Diff(tc.want, c.Access(tc.name, tc.id)); diff != "" {
			t.Errorf("Access(%q, %q):\n%s", tc.name, tc.id, diff)
		}
	}
	if got := c.NameOf(id) + c.NameOf("0"); got != "d" {
		t.Errorf("the names are %q", got)
	}
	d, err := c.Dataset("d")
	if err != nil || !cmp.Equal(d.Access, rules) {
		t.Errorf("the dataset has %v, %v", d.Access, err)
	}
}
