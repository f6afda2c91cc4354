package auth

import (
	"errors"
	"fmt"
	"slices"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Verb is what a caller wants to do.
type Verb string

// Verbs, and what each needs: a role or, of a dataset that has access rules, one
// of their verbs.
const (
	Call     Verb = "call"     // Reader; what is about no dataset
	List     Verb = "list"     // Reader, Read
	Describe Verb = "describe" // Reader, Read
	Read     Verb = "read"     // Reader, Read
	Write    Verb = "write"    // Writer, Write
	Rename   Verb = "rename"   // Writer, Write
	Pin      Verb = "pin"      // Writer, Write
	Drop     Verb = "drop"     // Writer, Write
)

var needs = map[Verb]struct {
	role   settings.Role
	access settings.AccessVerb
}{
	Call:     {role: settings.RoleReader},
	List:     {settings.RoleReader, settings.AccessRead},
	Describe: {settings.RoleReader, settings.AccessRead},
	Read:     {settings.RoleReader, settings.AccessRead},
	Write:    {settings.RoleWriter, settings.AccessWrite},
	Rename:   {settings.RoleWriter, settings.AccessWrite},
	Pin:      {settings.RoleWriter, settings.AccessWrite},
	Drop:     {settings.RoleWriter, settings.AccessWrite},
}

// Object is what a caller wants to do something with: a dataset, or the server
// as a whole where there is no name.
type Object struct {
	Dataset string
	Access  []settings.AccessRule // nil: the roles decide
}

// denial is an ErrForbidden.
type denial struct {
	changes bool // what would have been done
	error
}

func (d denial) Unwrap() error { return d.error }

// Changes tells whether what ErrForbidden refused would have changed something.
func Changes(err error) bool {
	var d denial
	return errors.As(err, &d) && d.changes
}

// Decide gives nil where the identity may do this with the object, else
// ErrForbidden with verb and dataset. Every permission is decided here.
func Decide(id Identity, verb Verb, object Object) error {
	if err := decide(id, verb, object); err != nil {
		return denial{needs[verb].role != settings.RoleReader, err}
	}
	return nil
}

func decide(id Identity, verb Verb, object Object) error {
	need, known := needs[verb]
	byRole := known && rank(id.Role) >= rank(need.role)
	switch {
	case known && id.Role == settings.RoleAdmin:
		return nil // so that somebody can always mend the rules
	case object.Access != nil:
		if need.access != "" && granted(object.Access, id.Credential, need.access) {
			return nil
		}
		return fmt.Errorf("%w: %s on dataset %q, whose access rules do not let %q", ErrForbidden, verb, cut(object.Dataset), id.Name)
	case byRole:
		return nil
	case object.Dataset == "":
		return fmt.Errorf("%w: %s needs role %s, %q has %s", ErrForbidden, verb, need.role, id.Name, id.roleText())
	}
	return fmt.Errorf("%w: %s on dataset %q needs role %s, %q has %s", ErrForbidden, verb, cut(object.Dataset), need.role, id.Name, id.roleText())
}

// granted looks for a rule that names the credentials. Rules of verbs and kinds
// that this server does not know let nobody in.
func granted(rules []settings.AccessRule, c Credential, verb settings.AccessVerb) bool {
	isHim := func(s settings.Subject) bool { return s.Kind == c.Kind && s.Identity() == c.Name }
	return slices.ContainsFunc(rules, func(r settings.AccessRule) bool {
		return slices.Contains(r.Verbs, verb) && slices.ContainsFunc(r.Subjects, isHim)
	})
}

func (id Identity) roleText() string {
	if id.Role == "" {
		return "none"
	}
	return string(id.Role)
}

// rank orders roles; a role that is not known ranks below all.
func rank(r settings.Role) int { return slices.Index(settings.Roles(), r) }

// cut keeps messages small: a dataset's name may be 1 KiB long, and what
// clients send in its place may be any length.
func cut(name string) string {
	const most = 64
	if len(name) <= most {
		return name
	}
	return name[:most] + "…"
}
