package auth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// accountPrefix begins the names that Kubernetes gives to ServiceAccounts as its
// users: system:serviceaccount:NAMESPACE:NAME.
const accountPrefix = "system:serviceaccount:"

// clockSkew is how far the clocks of this machine and of the API server's may be
// apart. The API server has the last word on a token's time.
const clockSkew = 5 * time.Minute

// accountToken is a token of a ServiceAccount. What it says of itself counts only
// once the API server has vouched for it.
type accountToken struct {
	text     string
	audience string // that it must be made for
	subject  string
	id       string
	expires  time.Time
}

// looksLikeAccount tells whether a text could be the token of a ServiceAccount,
// and what it says of itself.
func looksLikeAccount(text string) (claims jwt.RegisteredClaims, ok bool) {
	_, _, err := jwt.NewParser().ParseUnverified(text, &claims)
	return claims, err == nil && strings.HasPrefix(claims.Subject, accountPrefix)
}

// accountToken refuses what the API server would, as far as that can be seen: it
// is not to be asked about what was never meant for this server.
func (c *credentials) accountToken(text string, claims jwt.RegisteredClaims, now time.Time) (*accountToken, error) {
	valid := jwt.NewValidator(
		jwt.WithAudience(c.audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(clockSkew),
		jwt.WithTimeFunc(func() time.Time { return now }))
	if err := valid.Validate(claims); err != nil {
		return nil, fmt.Errorf("%w: %w", errAudience, err)
	}
	return &accountToken{text: text, audience: c.audience, subject: claims.Subject, id: claims.ID, expires: claims.ExpiresAt.Time}, nil
}

// withAccount gives the identity of a ServiceAccount's token. One that has no
// role is known and may do nothing: it is told so.
func (a *Authenticator) withAccount(ctx context.Context, c *credentials, peer, text string, claims jwt.RegisteredClaims) (Identity, error) {
	token, err := c.accountToken(text, claims, a.clock.Now())
	if err != nil {
		return Identity{}, err
	}
	known, answer := a.reviews.remembered(token)
	if !known {
		// A review is work for the whole cluster: not for whoever guesses.
		if a.failures.tooMany(peer) {
			return Identity{}, ErrTooManyFailures
		}
		answer = a.reviews.review(ctx, token)
	}
	if answer != nil {
		return Identity{}, answer
	}
	id := c.account(token.name(), token.id)
	id.Expires, id.token = token.expires, token
	if id.Role == "" {
		return id, fmt.Errorf("%w: ServiceAccount %q has no role here", ErrForbidden, id.Name)
	}
	return id, nil
}

// name is that of the identity, of a token that was reviewed.
func (t *accountToken) name() string {
	namespace, name, _ := strings.Cut(strings.TrimPrefix(t.subject, accountPrefix), ":")
	return settings.ServiceAccountName(namespace, name)
}

// account gives the identity of a ServiceAccount, without a role where the file
// has none for it.
func (c *credentials) account(name, tokenID string) Identity {
	return Identity{Credential: Credential{settings.SubjectServiceAccount, name, tokenID}, Role: c.accounts[name]}
}
