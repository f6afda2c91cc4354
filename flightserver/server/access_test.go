package server

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
)

// rule lets tokens do something.
func rule(verb settings.AccessVerb, tokens ...string) settings.AccessRule {
	r := settings.AccessRule{Verbs: []settings.AccessVerb{verb}}
	for _, name := range tokens {
		r.Subjects = append(r.Subjects, settings.Subject{Kind: settings.SubjectToken, Name: name})
	}
	return r
}

// declare gives a dataset of a server access rules.
func declare(t *testing.T, srv *Server, name string, rules ...settings.AccessRule) catalog.Dataset {
	t.Helper()
	return must[catalog.Dataset](t)(srv.catalog.Declare(t.Context(), catalog.Declaration{
		Path: strings.Split(name, "/"), Access: append([]settings.AccessRule{}, rules...),
	}))
}

// writeAuth replaces the credentials file of a server.
func writeAuth(t *testing.T, s *settings.ServerSettings, c settings.Credentials) {
	t.Helper()
	if s.AuthFile == "" {
		s.AuthFile = filepath.Join(t.TempDir(), "auth.yaml")
	}
	if err := os.WriteFile(s.AuthFile, must[[]byte](t)(c.Marshal()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAccess(t *testing.T) {
	s := testSettings(t)
	reader, readerDigest := auth.NewToken("alice", settings.RoleReader)
	writer, writerDigest := auth.NewToken("bob", settings.RoleWriter)
	admin, adminDigest := auth.NewToken("carol", settings.RoleAdmin)
	writeAuth(t, s, settings.Credentials{Tokens: []settings.Token{readerDigest, writerDigest, adminDigest}})
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	ctx := t.Context()
	as := func(token string) context.Context { return withToken(ctx, token) }
	data := func(name string) upload {
		return upload{to: path(name), records: []arrow.RecordBatch{characters(t, "Arya")}}
	}
	for _, name := range []string{"open", "private", "alices", "nobodys"} {
		must[[]string](t)(doPut(as(admin), client, data(name)))
	}
	before := must[*flight.FlightInfo](t)(client.GetFlightInfo(as(writer), path("private"))).GetEndpoint()[0].GetTicket().GetTicket()
	declare(t, srv, "private", rule(settings.AccessRead, "alice"))
	declare(t, srv, "alices", rule(settings.AccessRead, "alice"), rule(settings.AccessWrite, "alice"))
	declare(t, srv, "nobodys")

	for token, want := range map[string][]string{
		reader: {"alices", "open", "private"}, writer: {"open"}, admin: {"alices", "nobodys", "open", "private"},
	} {
		if got := must[[]string](t)(list(as(token), client, "")); !slices.Equal(got, want) {
			t.Errorf("listed are %v, want %v", got, want)
		}
		if got := must[[]string](t)(list(as(token), client, `{"where": "name = 'nobodys'"}`)); len(got) > 0 != (token == admin) {
			t.Errorf("found is %v", got)
		}
	}
	_, err := doGet(as(writer), client, []byte("private"))
	wantStatus(t, err, codes.PermissionDenied, `read on dataset "private"`)
	_, err = doGet(as(writer), client, before)
	wantStatus(t, err, codes.PermissionDenied, `read on dataset "private"`)
	must[table](t)(doGet(as(reader), client, before))
	_, err = doPut(as(reader), client, data("private"))
	wantStatus(t, err, codes.PermissionDenied, `write on dataset "private"`)
	must[[]string](t)(doPut(as(reader), client, data("alices")))
	_, err = doPut(as(reader), client, data("new"))
	wantStatus(t, err, codes.PermissionDenied, `write on dataset "new" needs role Writer`)
	must[[]string](t)(act(as(admin), client, "pin", "nobodys"))
}

// A reader who may write one dataset sees the actions for it.
func TestActionsThatAccessAllows(t *testing.T) {
	s := testSettings(t)
	reader, digest := auth.NewToken("alice", settings.RoleReader)
	writeAuth(t, s, settings.Credentials{Tokens: []settings.Token{digest}})
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, reader)
	sees := func() bool { return slices.Contains(listActions(t.Context(), t, client), settings.ActionDropDataset) }
	if sees() {
		t.Error("a reader sees drop_dataset")
	}
	declare(t, srv, "alices", rule(settings.AccessWrite, "alice"))
	if !sees() {
		t.Error("a reader who may drop a dataset does not see how")
	}
}

// A ticket is for the dataset that it was given for: its rules hold, whatever
// has its name by now.
func TestAccessFollowsTheDataset(t *testing.T) {
	s := testSettings(t)
	writer, digest := auth.NewToken("bob", settings.RoleWriter)
	writeAuth(t, s, settings.Credentials{Tokens: []settings.Token{digest}})
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, writer)
	stored(t, client, path("was"), "Arya")
	ticket := must[*flight.FlightInfo](t)(client.GetFlightInfo(t.Context(), path("was"))).GetEndpoint()[0].GetTicket().GetTicket()
	must[[]string](t)(act(t.Context(), client, "rename_dataset", `{"from": "was", "to": "is"}`))
	declare(t, srv, "is", rule(settings.AccessRead, "alice"))
	stored(t, client, path("was"), "Sansa")
	_, err := doGet(t.Context(), client, ticket)
	wantStatus(t, err, codes.PermissionDenied, "read on dataset")
}

// An upload that was finished is its dataset's still.
func TestFinishedUploadsAreNotTold(t *testing.T) {
	s := testSettings(t)
	alice, aliceDigest := auth.NewToken("alice", settings.RoleWriter)
	bob, bobDigest := auth.NewToken("bob", settings.RoleWriter)
	writeAuth(t, s, settings.Credentials{Tokens: []settings.Token{aliceDigest, bobDigest}})
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	declare(t, srv, "alices", rule(settings.AccessWrite, "alice"))
	as := withToken(t.Context(), alice)
	started := must[[]string](t)(act(as, client, "StartParallelUpload", `{"dataset": "alices"}`))
	id := strings.Split(started[0], `"`)[3]
	body := `{"upload": "` + id + `"}`
	must[[]string](t)(doPut(as, client, upload{
		to: command(`{"dataset": "alices", "upload": "` + id + `"}`), records: []arrow.RecordBatch{characters(t, "Arya")},
	}))
	for range 2 {
		_, err := act(withToken(t.Context(), bob), client, "FinishParallelUpload", body)
		wantStatus(t, err, codes.PermissionDenied, "write on dataset")
		must[[]string](t)(act(as, client, "FinishParallelUpload", body))
	}
}

func TestDeclaredAccess(t *testing.T) {
	s := testSettings(t)
	ca, dir := tlstest.NewCA(t), t.TempDir()
	leaf, operatorPair := ca.Issue(t, "server"), ca.Issue(t, settings.OperatorCommonName)
	s.AdminListen = "127.0.0.1:0"
	s.AdminTLS = &settings.TLS{
		CertFile: writeFile(t, dir, settings.TLSCertFile, leaf.Cert), KeyFile: writeFile(t, dir, settings.TLSKeyFile, leaf.Key),
		ClientCAFile: writeFile(t, dir, settings.CAFile, ca.PEM),
	}
	srv, _ := start(t, s)
	operator := connect(t, "grpc+tls://"+srv.AdminAddr().String(), ca.Client(t, &operatorPair), "")
	for _, tc := range []struct {
		access string
		rules  int // -1: none
	}{
		{`, "access": [{"subjects": [{"kind": "Token", "name": "etl"}], "verbs": ["Read", "Write"]}]`, 1},
		{`, "access": []`, 0},
		{``, -1},
	} {
		must[[]string](t)(act(t.Context(), operator, settings.ActionDeclareDataset, `{"path": ["d"]`+tc.access+`}`))
		if rules := srv.catalog.Access("d", ""); (rules == nil) != (tc.rules < 0) || len(rules) != max(0, tc.rules) {
			t.Errorf("%s: %v", tc.access, rules)
		}
	}
	_, err := act(t.Context(), operator, settings.ActionDeclareDataset, `{"path": ["d"], "access": [{"subjects": [{"kind": "Token", "name": "etl"}], "verbs": ["Admin"]}]}`)
	wantStatus(t, err, codes.InvalidArgument, "access[0].verbs[0]")
}

// Certificates are identities of the data port; a token that is sent decides.
func TestClientCertificates(t *testing.T) {
	s := testSettings(t)
	ca, dir := tlstest.NewCA(t), t.TempDir()
	leaf, loader, stranger := ca.Issue(t, "server"), ca.Issue(t, "loader"), ca.Issue(t, "stranger")
	s.TLS = &settings.TLS{
		CertFile: writeFile(t, dir, settings.TLSCertFile, leaf.Cert), KeyFile: writeFile(t, dir, settings.TLSKeyFile, leaf.Key),
		ClientCAFile: writeFile(t, dir, settings.CAFile, ca.PEM), ClientAuth: settings.ClientAuthOptional,
	}
	token, digest := auth.NewToken("alice", settings.RoleReader)
	writeAuth(t, s, settings.Credentials{
		Tokens: []settings.Token{digest}, ClientCertificates: []settings.ClientCertificate{{CommonName: "loader", Role: settings.RoleWriter}},
	})
	srv, _ := start(t, s)
	put := func(client flight.Client, ctx context.Context) error {
		_, err := doPut(ctx, client, upload{to: path("d"), records: []arrow.RecordBatch{characters(t, "Arya")}})
		return err
	}
	with, without := connect(t, srv.URI(), ca.Client(t, &loader), ""), connect(t, srv.URI(), ca.Client(t, nil), "")
	if err := put(with, t.Context()); err != nil {
		t.Errorf("a loader by its certificate: %v", err)
	}
	wantStatus(t, put(with, withToken(t.Context(), token)), codes.PermissionDenied, `"alice" has Reader`)
	wantStatus(t, put(with, withToken(t.Context(), "fl1_x_y")), codes.Unauthenticated, "Invalid token")
	wantStatus(t, put(without, t.Context()), codes.Unauthenticated, "No credentials supplied")
	wantStatus(t, put(connect(t, srv.URI(), ca.Client(t, &stranger), ""), t.Context()), codes.Unauthenticated, "No credentials supplied")
	must[[]string](t)(list(withToken(t.Context(), token), without, ""))
}

// Links are as good as the credentials that they were made for.
func TestLinksEndWithCredentials(t *testing.T) {
	s := testSettings(t)
	s.HTTPListen = "127.0.0.1:0"
	admin, adminDigest := auth.NewToken("carol", settings.RoleAdmin)
	reader, readerDigest := auth.NewToken("alice", settings.RoleReader)
	writeAuth(t, s, settings.Credentials{Tokens: []settings.Token{adminDigest, readerDigest}})
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(withToken(t.Context(), admin), client, upload{to: path("d"), records: []arrow.RecordBatch{characters(t, "Arya")}}))
	info := must[*flight.FlightInfo](t)(client.GetFlightInfo(withHeader(withToken(t.Context(), reader), linksHeader, "1"), path("d")))
	link := info.GetEndpoint()[0].GetLocation()[0].GetUri()
	code := func() int { r, _ := ask(t, http.MethodGet, link, ""); return r.StatusCode }
	if got := code(); got != http.StatusOK {
		t.Fatalf("a link is answered with %d", got)
	}
	declare(t, srv, "d")
	if got := code(); got != http.StatusForbidden {
		t.Errorf("to a dataset that its maker may not read any more: %d", got)
	}
	declare(t, srv, "d", rule(settings.AccessRead, "alice"))
	if got := code(); got != http.StatusOK {
		t.Errorf("that its maker may read by a rule: %d", got)
	}
	writeAuth(t, s, settings.Credentials{Tokens: []settings.Token{adminDigest}})
	eventually(t, "the link is refused with its maker's token", func() bool { return code() == http.StatusForbidden })
}
