package server

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc/codes"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// TestTicketsOutliveTheirKey rotates the signing keys of a server that runs.
func TestTicketsOutliveTheirKey(t *testing.T) {
	old, young := signingKey("old"), signingKey("young")
	s := testSettings(t)
	s.SigningKeysFile = filepath.Join(t.TempDir(), "keys.yaml")
	writeKeys(t, s.SigningKeysFile, old)
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("got"), records: []arrow.RecordBatch{characters(t, "Arya")}}))
	newTicket := func() []byte {
		info := must[*flight.FlightInfo](t)(client.GetFlightInfo(t.Context(), path("got")))
		return info.GetEndpoint()[0].GetTicket().GetTicket()
	}
	first := newTicket()

	writeKeys(t, s.SigningKeysFile, young, old)
	eventually(t, "the new key", func() bool { return keyOf(t, newTicket()) == "young" })
	must[table](t)(doGet(t.Context(), client, first))

	writeKeys(t, s.SigningKeysFile, young)
	eventually(t, "the end of the old key", func() bool {
		_, err := doGet(t.Context(), client, first)
		return err != nil
	})
	_, err := doGet(t.Context(), client, first)
	wantStatus(t, err, codes.InvalidArgument, "Invalid ticket")
	must[table](t)(doGet(t.Context(), client, newTicket()))
}

func signingKey(id string) settings.SigningKey {
	secret := strings.Repeat(id, settings.SigningKeyBytes)
	return settings.SigningKey{ID: id, Key: base64.StdEncoding.EncodeToString([]byte(secret))}
}

func writeKeys(t *testing.T, file string, keys ...settings.SigningKey) {
	t.Helper()
	content := must[[]byte](t)((&settings.SigningKeys{Keys: keys}).Marshal())
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// keyOf tells which key signed a ticket.
func keyOf(t *testing.T, ticket []byte) string {
	t.Helper()
	var body ticketBody
	if err := decodeBody(ticket, &body); err != nil {
		t.Fatal(err)
	}
	token, _, err := jwt.NewParser().ParseUnverified(body.Ticket, &jwt.RegisteredClaims{})
	if err != nil {
		t.Fatal(err)
	}
	return token.Header["kid"].(string)
}
