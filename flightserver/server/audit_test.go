package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"

	"github.com/flight-operator/flight-operator/flightserver/audit"
	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// auditLog reads the records of a server, and that they hold none of the secrets.
func auditLog(t *testing.T, path string, secrets ...string) (records []audit.Record) {
	t.Helper()
	content := must[[]byte](t)(os.ReadFile(path))
	for _, secret := range secrets {
		if bytes.Contains(content, []byte(secret)) {
			t.Errorf("the audit log holds %q", secret)
		}
	}
	for line := range strings.Lines(string(content)) {
		var r audit.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if r.Time.IsZero() || r.ID == "" || !strings.HasPrefix(r.Peer, "127.0.0.1:") {
			t.Errorf("%s lacks when, which or whence", line)
		}
		records = append(records, r)
	}
	return records
}

func TestAuditLog(t *testing.T) {
	s := testSettings(t)
	s.HTTPListen, s.AuditLog = "127.0.0.1:0", filepath.Join(t.TempDir(), "audit.jsonl")
	token, digest := auth.NewToken("alice", settings.RoleReader)
	user := settings.User{Name: aUser, PasswordHash: settings.HashPassword(aPassword), Role: settings.RoleWriter}
	writeAuth(t, s, settings.Credentials{Tokens: []settings.Token{digest}, Users: []settings.User{user}})
	srv, stop := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	basic := basicHeader(aUser, aPassword)
	alice := withToken(t.Context(), token)
	stored(t, connect(t, srv.URI(), nil, loggedIn(t, client)), path("d"), "Arya")
	info := must[*flight.FlightInfo](t)(client.GetFlightInfo(withHeader(alice, linksHeader, "1"), path("d")))
	ask(t, http.MethodGet, info.GetEndpoint()[0].GetLocation()[0].GetUri(), "")
	_, dropped := act(alice, client, "drop_dataset", "d")
	_, wrong := act(withToken(t.Context(), "fl1_"+digest.KeyID+"_nope"), client, "echo", "x")
	_, nobody := doGet(t.Context(), client, []byte("d"))
	for _, err := range []error{dropped, wrong, nobody} {
		if err == nil {
			t.Error("what is not permitted was done")
		}
	}
	stop()
	records := auditLog(t, s.AuditLog, token[16:], aPassword, basic[6:], digest.SHA256, user.PasswordHash, "nope")
	const service = "/arrow.flight.protocol.FlightService/"
	arya := audit.Record{Who: aUser, Kind: "User", Role: "Writer", Decision: audit.Allow}
	reader := audit.Record{Who: "alice", Kind: "Token", Credential: digest.KeyID, Role: "Reader", Decision: audit.Allow}
	record := func(of audit.Record, method, verb, dataset string) audit.Record {
		of.Method, of.Verb, of.Dataset = method, verb, dataset
		return of
	}
	deny := func(of audit.Record, reason string) audit.Record {
		of.Decision, of.Reason = audit.Deny, reason
		return of
	}
	want := []audit.Record{
		record(arya, service+"Handshake", "login", ""),
		record(arya, service+"DoPut", "write", "d"),
		record(reader, service+"GetFlightInfo", "describe", "d"),
		record(reader, linkMethod, "read", "d"),
		deny(record(reader, service+"DoAction drop_dataset", "drop", "d"), "not_permitted"),
		deny(record(audit.Record{}, service+"DoAction", "", ""), "unknown_token"),
		deny(record(audit.Record{}, service+"DoGet", "", ""), "no_credentials"),
	}
	for i := range records {
		if records[i].Who == aUser {
			records[i].Credential = "" // of the password's version, which is salted
		}
	}
	if diff := cmp.Diff(want, records, cmpopts.IgnoreFields(audit.Record{}, "Time", "ID", "Peer")); diff != "" {
		t.Errorf("audited:\n%s", diff)
	}
}

// loggedIn gives the bearer of a login.
func loggedIn(t *testing.T, client flight.Client) string {
	t.Helper()
	payload := must[[]byte](t)(legacyHandshake(t.Context(), client, must[[]byte](t)(proto.Marshal(&flight.BasicAuth{Username: aUser, Password: aPassword}))))
	return string(payload)
}

// A log that cannot be written keeps nobody from working, and is told.
func TestAuditLogFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := testSettings(t)
	s.AuditLog = filepath.Join(dir, "audit.jsonl")
	srv, _ := start(t, s)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	must[[]string](t)(act(t.Context(), connect(t, srv.URI(), nil, ""), "echo", "x"))
	if !strings.Contains(scrape(t, srv), "flightserver_audit_failures_total 1\n") {
		t.Error("the metric does not count it")
	}
}
