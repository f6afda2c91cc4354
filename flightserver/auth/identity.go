package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Errors that a caller meets.
var (
	ErrNoCredentials   = errors.New("no credentials supplied")
	ErrInvalidToken    = errors.New("invalid token")
	ErrInvalidPassword = errors.New("unknown user or invalid password")
	ErrForbidden       = errors.New("not permitted")
	ErrBusy            = errors.New("too many logins at once, try again")
	ErrTooManyFailures = errors.New("too many failed logins from this address, try again later")
	// ErrRevoked ends what is under way by credentials that were taken out of the
	// file.
	ErrRevoked = errors.New("the credentials were revoked")
	// ErrExpired ends what is under way by the token of a ServiceAccount whose time
	// is over.
	ErrExpired = fmt.Errorf("%w: their time is over", ErrRevoked)
	// ErrNoReview refuses the token of a ServiceAccount that the API server could
	// not be asked about.
	ErrNoReview = errors.New("tokens of ServiceAccounts cannot be checked now, try again")
)

// Kinds of identities that no access rule can name, beside those that it can.
const (
	KindAnonymous settings.SubjectKind = "Anonymous" // without credentials
	KindOperator  settings.SubjectKind = "Operator"  // of the admin port
)

// Credential names what somebody is known by. It holds no secret: it may be
// logged, and be part of what is signed.
type Credential struct {
	Kind settings.SubjectKind `json:"kind,omitempty"`
	Name string               `json:"name,omitempty"`
	// Version tells credentials of one name apart: the key id of a token, the
	// version of a password, the id of a ServiceAccount's token.
	Version string `json:"version,omitempty"`
}

// Subject is text by which identities are told apart, whichever of their
// credentials they use.
func (c Credential) Subject() string {
	if c.Kind == KindAnonymous {
		return c.Name
	}
	return string(c.Kind) + " " + c.Name
}

// Identity is who calls. The zero identity may do nothing.
type Identity struct {
	Credential

	Role settings.Role
	// Session tells one login of the caller from another; empty where the
	// credentials do not come from a login.
	Session string
	// Expires is when nothing may be done any more that began with the credentials;
	// zero: they say nothing of it.
	Expires time.Time

	// token of a ServiceAccount, which is reviewed again while a call is under way.
	// A pointer is printed as an address, and so the token nowhere.
	token *accountToken
	// signer is the key that signed the bearer; empty: it was none.
	signer string
}

// Anonymous is the name of a caller without credentials.
const Anonymous = "anonymous"

func anonymous(role settings.Role) Identity {
	return Identity{Credential: Credential{Kind: KindAnonymous, Name: Anonymous}, Role: role}
}

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
