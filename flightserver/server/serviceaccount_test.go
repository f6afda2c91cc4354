package server

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc/codes"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

const (
	anAudience = "flight.test"
	aForgedID  = "aForgedID" // id of tokens that no API server made
)

// kubernetes vouches for all tokens but those that are forged, while it answers.
type kubernetes struct{ away atomic.Bool }

func (k *kubernetes) Review(_ context.Context, token, audience string) (auth.Review, error) {
	if k.away.Load() {
		return auth.Review{}, errors.New("dial tcp 10.96.0.1:443: connection refused")
	}
	var claims jwt.RegisteredClaims
	_, _, err := jwt.NewParser().ParseUnverified(token, &claims)
	return auth.Review{Authenticated: err == nil && claims.ID != aForgedID, Username: claims.Subject, Audiences: []string{audience}}, nil
}

// aToken is one of a ServiceAccount.
type aToken struct {
	namespace, name, id, audience string
	life                          time.Duration // zero: an hour
}

func (a aToken) sign(t *testing.T) string {
	t.Helper()
	return must[string](t)(jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		ID: a.id, Subject: "system:serviceaccount:" + a.namespace + ":" + a.name,
		Audience:  jwt.ClaimStrings{cmp.Or(a.audience, anAudience)},
		ExpiresAt: jwt.NewNumericDate(time.Now().Add(cmp.Or(a.life, time.Hour))),
	}).SignedString([]byte("nobody here knows the key")))
}

// withReport is a server at which bi/report may write.
func withReport(t *testing.T) (*settings.ServerSettings, *kubernetes, flight.Client) {
	t.Helper()
	s := testSettings(t)
	s.HTTPListen, s.AuditLog = "127.0.0.1:0", filepath.Join(t.TempDir(), "audit.jsonl")
	writeAuth(t, s, settings.Credentials{ServiceAccounts: &settings.ServiceAccounts{
		Audience: anAudience, Bindings: []settings.ServiceAccountBinding{{Namespace: "bi", Name: "report", Role: settings.RoleWriter}},
	}})
	o, k := options(s), &kubernetes{}
	o.Reviewer = k
	srv, _ := startWith(t, o)
	return s, k, connect(t, srv.URI(), nil, "")
}

func TestServiceAccountsCall(t *testing.T) {
	s, k, client := withReport(t)
	token := aToken{namespace: "bi", name: "report", id: "the-id"}.sign(t)
	ctx := withToken(t.Context(), token)
	must[[]string](t)(doPut(ctx, client, upload{to: path("d"), records: []arrow.RecordBatch{characters(t, "Arya")}}))
	_, err := list(withToken(t.Context(), aToken{namespace: "bi", name: "other"}.sign(t)), client, "")
	wantStatus(t, err, codes.PermissionDenied, `not permitted: ServiceAccount "bi/other" has no role here`)
	_, err = list(withToken(t.Context(), aToken{namespace: "bi", name: "report", audience: "vault"}.sign(t)), client, "")
	wantStatus(t, err, codes.Unauthenticated, "Invalid token")
	k.away.Store(true)
	if got := must[[]string](t)(list(ctx, client, "")); len(got) != 1 {
		t.Errorf("listed are %v while the API server is away", got)
	}
	_, err = list(withToken(t.Context(), aToken{namespace: "bi", name: "report", id: "unseen"}.sign(t)), client, "")
	wantStatus(t, err, codes.Unavailable, "tokens of ServiceAccounts cannot be checked now, try again")
	if strings.Contains(err.Error(), "10.96.0.1") {
		t.Errorf("the client is told of the API server: %v", err)
	}
	who := map[string]string{}
	for _, line := range auditLog(t, s.AuditLog, token) {
		who[line.Who+" "+line.Kind+" "+line.Credential] += line.Reason
	}
	if _, ok := who["bi/report ServiceAccount the-id"]; !ok || who["bi/other ServiceAccount "] != "not_permitted" {
		t.Errorf("audited are %v", who)
	}
}

// A link ends with the token that it was made for.
func TestLinksOfServiceAccountsEndWithTheirToken(t *testing.T) {
	_, _, client := withReport(t)
	ctx := withToken(t.Context(), aToken{namespace: "bi", name: "report", life: 10 * time.Minute}.sign(t))
	must[[]string](t)(doPut(ctx, client, upload{to: path("d"), records: []arrow.RecordBatch{characters(t, "Arya")}}))
	info := must[*flight.FlightInfo](t)(client.GetFlightInfo(withHeader(ctx, linksHeader, "1"), path("d")))
	link := info.GetEndpoint()[0].GetLocation()[0].GetUri()
	if r, _ := ask(t, http.MethodGet, link, ""); r.StatusCode != http.StatusOK {
		t.Errorf("the link is answered with %d", r.StatusCode)
	}
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(link[strings.LastIndex(link, "/")+1:], &claims); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(claims.ExpiresAt.Time); left > 10*time.Minute {
		t.Errorf("the link is good for %s", left)
	}
}
