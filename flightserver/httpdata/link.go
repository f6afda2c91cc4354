package httpdata

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/flight-operator/flight-operator/flightserver/auth"
)

const (
	linkAudience = "flightserver/http"
	linkPath     = "/v1/data/"
)

// Faults of a link.
var (
	errBadLink = errors.New("the link was changed, or is of another server: ask for another by GetFlightInfo")
	errExpired = errors.New("the link has expired: ask for another by GetFlightInfo")
)

// Links makes links and reads them.
type Links struct {
	Keys *auth.Keys
	Base string // such as https://flight.example:8443
}

// linkClaims are what a link says.
type linkClaims struct {
	jwt.RegisteredClaims

	For    auth.Credential `json:"for"` // of whoever asked for the link
	Ticket []byte          `json:"ticket"`
}

// Make gives the URL at which the ticket's data is read with the rights of the
// caller, as long as the caller's credentials are good.
func (l *Links) Make(caller auth.Credential, ticket []byte, expires time.Time) (string, error) {
	text, err := l.Keys.Sign(linkClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Audience:  jwt.ClaimStrings{linkAudience},
			ExpiresAt: jwt.NewNumericDate(expires),
		},
		For:    caller,
		Ticket: ticket,
	})
	if err != nil {
		return "", fmt.Errorf("making a link: %w", err)
	}
	return l.Base + linkPath + text, nil
}

func (l *Links) open(text string) (auth.Credential, []byte, error) {
	var claims linkClaims
	_, err := l.Keys.Verify(text, linkAudience, &claims)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return auth.Credential{}, nil, errExpired
	case err != nil:
		return auth.Credential{}, nil, errBadLink
	}
	return claims.For, claims.Ticket, nil
}
