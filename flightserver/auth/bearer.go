package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"github.com/golang-jwt/jwt/v5"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

const (
	bearerAudience = "flightserver/session"
	sessionBytes   = 16
)

// bearerClaims are what a session bearer says. The role is not among them: it
// is looked up when the bearer is used.
type bearerClaims struct {
	jwt.RegisteredClaims        // Subject: the user; ID: the session
	Password             string `json:"pwd"` // version of the password
}

// newBearer makes a bearer for a user that has just logged in.
func (a *Authenticator) newBearer(user settings.User) (text, session string, err error) {
	session = base64.RawURLEncoding.EncodeToString(random(sessionBytes))
	text, err = a.keys.Sign(bearerClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   user.Name,
			ID:        session,
			Audience:  jwt.ClaimStrings{bearerAudience},
			ExpiresAt: jwt.NewNumericDate(a.clock.Now().Add(settings.BearerLife)),
		},
		Password: passwordVersion(user),
	})
	return text, session, err
}

// withBearer gives the identity of a session bearer.
func (a *Authenticator) withBearer(c *credentials, text string) (Identity, error) {
	var claims bearerClaims
	signer, err := a.keys.Verify(text, bearerAudience, &claims)
	if err != nil {
		return Identity{}, errBadBearer
	}
	user, ok := c.byName[claims.Subject]
	if !ok || claims.Password != passwordVersion(user) {
		return Identity{}, errBadBearer
	}
	id := identityOf(user)
	id.Session, id.signer = claims.ID, signer
	return id, nil
}

// passwordVersion changes with the password. It is of the hash, which is salted:
// it tells nothing of the password.
func passwordVersion(user settings.User) string {
	sum := sha256.Sum256([]byte(user.PasswordHash))
	return hex.EncodeToString(sum[:8])
}
