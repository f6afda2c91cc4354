package auth

import (
	"context"
	"errors"
	"strings"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Evidence is what a call brings to show who makes it.
type Evidence struct {
	Header     string // authorization; empty: none
	CommonName string // of a client certificate that was verified; empty: none
	Peer       string // the address that it comes from
}

// Authenticate gives the identity that the evidence shows, with an error also
// that of a ServiceAccount that has no role. Credentials in the header decide where there are any: wrong ones are not made good by a
// certificate. For Basic credentials it gives a bearer as well, which the caller
// may send in their place.
func (a *Authenticator) Authenticate(ctx context.Context, e Evidence) (id Identity, bearer string, err error) {
	scheme, value, _ := strings.Cut(e.Header, " ")
	value = strings.TrimSpace(value)
	switch {
	case e.Header == "" || (value == "" && strings.EqualFold(scheme, "Bearer")):
		// Some clients send the scheme alone when they have no token.
		id, err = a.loaded.Load().withoutHeader(e.CommonName)
	case strings.EqualFold(scheme, "Bearer"):
		id, err = a.token(ctx, e.Peer, value)
	case strings.EqualFold(scheme, "Basic"):
		user, password, decodeErr := decodeBasic(value)
		if decodeErr == nil {
			return a.LogIn(ctx, e.Peer, user, password)
		}
		err = decodeErr
	default:
		err = ErrInvalidToken
	}
	return id, "", a.judge(e.Peer, err)
}

// LogIn trades a name and a password for a bearer.
func (a *Authenticator) LogIn(ctx context.Context, peer, name, password string) (id Identity, bearer string, err error) {
	c := a.loaded.Load()
	if a.path == "" {
		// Nobody's password means anything here, and clients that always log in
		// must be able to.
		id = anonymous(c.anonymous)
		bearer, id.Session, err = a.newBearer(settings.User{Name: Anonymous})
		return id, bearer, err
	}
	if err := a.password(ctx, c, peer, name, password); err != nil {
		return Identity{}, "", a.judge(peer, err)
	}
	user := c.byName[name]
	id = identityOf(user)
	bearer, id.Session, err = a.newBearer(user)
	return id, bearer, err
}

// password checks a password, unless too many of the peer's were wrong: each one
// takes time and memory to check.
func (a *Authenticator) password(ctx context.Context, c *credentials, peer, name, password string) error {
	if a.logins.knows(c, name, password) {
		return nil
	}
	if a.failures.tooMany(peer) {
		return ErrTooManyFailures
	}
	return a.logins.check(ctx, c, name, password)
}

// judge counts a failure, and gives the error that the peer is told. A peer that
// has failed too often is told so whatever it got wrong; right credentials are
// taken from it all the same, since others may share its address.
func (a *Authenticator) judge(peer string, err error) error {
	if err == nil {
		return nil
	}
	reason := Reason(err)
	a.metrics.failures.WithLabelValues(reason).Inc()
	guessed := errors.Is(err, ErrInvalidToken) || errors.Is(err, ErrInvalidPassword)
	if guessed && a.failures.add(peer) {
		return ErrTooManyFailures
	}
	return err
}

func (a *Authenticator) token(ctx context.Context, peer, text string) (Identity, error) {
	c := a.loaded.Load()
	switch {
	case a.path == "":
		// A token means nothing to a server without a file, and clients that
		// always send one must be able to use it.
		return a.openIdentity(c, text)
	case strings.HasPrefix(text, tokenPrefix):
		return c.withToken(text, a.clock.Now())
	case c.audience != "":
		if claims, ok := looksLikeAccount(text); ok {
			return a.withAccount(ctx, c, peer, text, claims)
		}
	}
	return a.withBearer(c, text)
}

// openIdentity lets everybody in; a bearer of ours still tells the session.
func (a *Authenticator) openIdentity(c *credentials, text string) (Identity, error) {
	id := anonymous(c.anonymous)
	var claims bearerClaims
	if _, err := a.keys.Verify(text, bearerAudience, &claims); err == nil {
		id.Session = claims.ID
	}
	return id, nil
}
