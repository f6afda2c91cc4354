package server

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/renameio/v2"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// ticketKeyFile lies in the data directory: tickets outlive a restart.
const ticketKeyFile = "ticket.key"

const ticketKeyBytes = 32

// tickets signs what GetFlightInfo promises and checks what DoGet is asked for.
type tickets struct {
	key   []byte
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

	DatasetID string `json:"dataset_id,omitempty"` // empty: whatever has the name
}

func openTickets(dataDir string, now clock.PassiveClock) (*tickets, error) {
	path := filepath.Join(dataDir, ticketKeyFile)
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, ticketKeyBytes)
		_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
		// Should the key be lost with the power, tickets must be fetched anew:
		// no fsync of the directory is needed.
		err = renameio.WriteFile(path, key, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("ticket key: %w", err)
	}
	if len(key) != ticketKeyBytes {
		return nil, fmt.Errorf("ticket key: %s has %d bytes, not %d; delete it, and tickets are signed anew", path, len(key), ticketKeyBytes)
	}
	return &tickets{key: key, clock: now}, nil
}

// sign makes a ticket, which is good for settings.TicketLife from now on.
func (t *tickets) sign(c claims) (ticket []byte, expires time.Time, err error) {
	expires = t.clock.Now().Add(settings.TicketLife)
	c.ExpiresAt = jwt.NewNumericDate(expires)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(t.key)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("signing a ticket: %w", err)
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
	_, err := jwt.ParseWithClaims(body.Ticket, &c, func(*jwt.Token) (any, error) { return t.key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Name}),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(t.clock.Now))
	if err != nil {
		return claims{}, fmt.Errorf("%w: %w", errInvalidTicket, err)
	}
	return c, nil
}
