package server

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// ticketAudience tells tickets from what else is signed with the same keys.
const ticketAudience = "flightserver/ticket"

// tickets signs what GetFlightInfo promises and checks what DoGet is asked for.
type tickets struct {
	keys  *auth.Keys
	clock clock.PassiveClock
}

// ticketBody is a ticket as clients carry it.
type ticketBody struct {
	Ticket string `json:"ticket"`
}

// maxTicket bounds a ticket, which holds a command in base64.
const maxTicket = 2 * maxCommand

// span is a run of a version's partitions.
type span struct {
	First int `json:"partition"`
	Count int `json:"partitions"`
}

// claims pin what a ticket reads: one version of one dataset, whatever is done
// to its name meanwhile. The token's own id is that of the FlightInfo.
type claims struct {
	jwt.RegisteredClaims
	query
	span

	DatasetID string `json:"datasetID,omitempty"` // empty: whatever has the name
}

// sign makes a ticket, which is good for settings.TicketLife from now on.
func (t *tickets) sign(c claims) (ticket []byte, expires time.Time, err error) {
	expires = t.clock.Now().Add(settings.TicketLife)
	c.Audience, c.ExpiresAt = jwt.ClaimStrings{ticketAudience}, jwt.NewNumericDate(expires)
	token, err := t.keys.Sign(c)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("a ticket: %w", err)
	}
	ticket, err = json.Marshal(ticketBody{Ticket: token})
	return ticket, expires, err
}

// verify gives the claims of a ticket that this server signed and that is still
// good; else errInvalidTicket.
func (t *tickets) verify(ticket []byte) (claims, error) {
	if len(ticket) > maxTicket {
		return claims{}, fmt.Errorf("%w: it has %d bytes", errInvalidTicket, len(ticket))
	}
	var body ticketBody
	if err := decodeBody(ticket, &body); err != nil {
		return claims{}, err
	}
	var c claims
	if _, err := t.keys.Verify(body.Ticket, ticketAudience, &c); err != nil {
		return claims{}, fmt.Errorf("%w: %w", errInvalidTicket, err)
	}
	return c, nil
}
