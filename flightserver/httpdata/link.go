package httpdata

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
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
	jwt.RegisteredClaims               // Subject: who asked for the link
	Role                 settings.Role `json:"role"`
	Ticket               []byte        `json:"ticket"`
}

// Make gives the URL at which the ticket's data is read with the rights that the
// caller has now.
func (l *Links) Make(caller auth.Identity, ticket []byte, expires time.Time) (string, error) {
	text, err := l.Keys.Sign(linkClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   caller.Name,
			Audience:  jwt.ClaimStrings{linkAudience},
			ExpiresAt: jwt.NewNumericDate(expires),
		},
		Role:   caller.Role,
		Ticket: ticket,
	})
	if err != nil {
		return "", fmt.Errorf("making a link: %w", err)
	}
	return l.Base + linkPath + text, nil
}

func (l *Links) open(text string) (auth.Identity, []byte, error) {
	var claims linkClaims
	err := l.Keys.Verify(text, linkAudience, &claims)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return auth.Identity{}, nil, errExpired
	case err != nil:
		return auth.Identity{}, nil, errBadLink
	}
	return auth.Identity{Name: claims.Subject, Role: claims.Role}, claims.Ticket, nil
}
