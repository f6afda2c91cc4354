package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Errors that a caller meets.
var (
	ErrNoCredentials   = errors.New("no credentials supplied")
	ErrInvalidToken    = errors.New("invalid token")
	ErrInvalidPassword = errors.New("unknown user or invalid password")
	ErrForbidden       = errors.New("not permitted")
	ErrBusy            = errors.New("too many logins at once, try again")
)

// Identity is who calls.
type Identity struct {
	Name string
	Role settings.Role
	// Session tells one login of the caller from another; empty where the
	// credentials do not come from a login.
	Session string
}

// Anonymous is the name of a caller without credentials.
const Anonymous = "anonymous"

type contextKey struct{}

// NewContext gives a context that carries the identity.
func NewContext(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// FromContext gives the identity of the call; without one, an identity that may
// do nothing.
func FromContext(ctx context.Context) Identity {
	id, _ := ctx.Value(contextKey{}).(Identity)
	return id
}

// Verb is what a caller wants to do with a dataset.
type Verb string

// Verbs, and the role that each needs.
const (
	List     Verb = "list"     // Reader
	Describe Verb = "describe" // Reader
	Read     Verb = "read"     // Reader
	Write    Verb = "write"    // Writer
	Rename   Verb = "rename"   // Writer
	Pin      Verb = "pin"      // Writer
	Drop     Verb = "drop"     // Writer
)

var needs = map[Verb]settings.Role{
	List:     settings.RoleReader,
	Describe: settings.RoleReader,
	Read:     settings.RoleReader,
	Write:    settings.RoleWriter,
	Rename:   settings.RoleWriter,
	Pin:      settings.RoleWriter,
	Drop:     settings.RoleWriter,
}

// Allow gives nil when the identity may do this with the dataset, else
// ErrForbidden with verb and dataset. The dataset is empty for a verb that is
// about all of them.
func (id Identity) Allow(verb Verb, dataset string) error {
	need, known := needs[verb]
	if known && rank(id.Role) >= rank(need) {
		return nil
	}
	if dataset == "" {
		return fmt.Errorf("%w: %s needs role %s, %q has %s", ErrForbidden, verb, need, id.Name, id.roleText())
	}
	return fmt.Errorf("%w: %s on dataset %q needs role %s, %q has %s", ErrForbidden, verb, cut(dataset), need, id.Name, id.roleText())
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
