package auth

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

var (
	reading    = []Verb{List, Describe, Read}
	changing   = []Verb{Write, Rename, Pin, Drop}
	everything = slices.Concat([]Verb{Call}, reading, changing)
)

func TestDecide(t *testing.T) {
	rule := func(verb settings.AccessVerb, kind settings.SubjectKind, name string) settings.AccessRule {
		return settings.AccessRule{Subjects: []settings.Subject{{Kind: "Robot", Name: "x"}, {Kind: kind, Name: name}}, Verbs: []settings.AccessVerb{verb}}
	}
	const token, user = settings.SubjectToken, settings.SubjectUser
	cases := map[string]struct {
		reason string
		role   settings.Role
		access []settings.AccessRule
		may    []Verb
	}{
		"NoRole":          {reason: "a handshake is nobody's"},
		"UnknownRole":     {reason: "of a file of another version", role: "Owner"},
		"Reader":          {role: settings.RoleReader, may: slices.Concat([]Verb{Call}, reading)},
		"Writer":          {role: settings.RoleWriter, may: everything},
		"Admin":           {role: settings.RoleAdmin, may: everything},
		"NoRules":         {reason: "an empty list is one", role: settings.RoleWriter, access: []settings.AccessRule{}},
		"RulesOfOthers":   {role: settings.RoleWriter, access: []settings.AccessRule{rule("Read", token, "alice")}},
		"OtherKind":       {reason: "users are not tokens", role: settings.RoleWriter, access: []settings.AccessRule{rule("Read", user, "bob")}},
		"MayRead":         {reason: "the role adds nothing", role: settings.RoleWriter, access: []settings.AccessRule{rule("Read", token, "bob")}, may: reading},
		"MayWrite":        {reason: "the role does not matter", role: settings.RoleReader, access: []settings.AccessRule{rule("Write", token, "bob")}, may: changing},
		"Both":            {role: settings.RoleReader, access: []settings.AccessRule{rule("Write", token, "bob"), rule("Read", token, "bob")}, may: slices.Concat(reading, changing)},
		"UnknownVerb":     {reason: "of a newer version", role: settings.RoleWriter, access: []settings.AccessRule{rule("Fly", token, "bob"), rule("", token, "bob")}},
		"AdminAlwaysMay":  {role: settings.RoleAdmin, access: []settings.AccessRule{}, may: everything},
		"RuleWithoutRole": {reason: "the rule alone decides", access: []settings.AccessRule{rule("Read", token, "bob")}, may: reading},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			id := Identity{Credential: Credential{Kind: token, Name: "bob", Version: "k"}, Role: tc.role}
			for _, verb := range append(everything, "fly") {
				err := Decide(id, verb, Object{Dataset: "nyc/trips", Access: tc.access})
				if slices.Contains(tc.may, verb) != (err == nil) || (err != nil && !errors.Is(err, ErrForbidden)) {
					t.Errorf("%s: %v: %s", verb, err, tc.reason)
				}
				if err != nil && (!strings.Contains(err.Error(), string(verb)) || !strings.Contains(err.Error(), "nyc/trips")) {
					t.Errorf("the message lacks verb or dataset: %v", err)
				}
			}
		})
	}
}
