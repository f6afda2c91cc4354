package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	gen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
)

// Names of the matrix's datasets: one has rules for those who call, one has
// rules for others, and to one the roles apply.
const (
	own   = "own"
	other = "other"
	free  = "free"
)

// level is what somebody may do.
type level struct {
	role  settings.Role
	verbs []settings.AccessVerb // with the dataset own
}

var levels = map[string]level{
	"none":  {role: settings.RoleReader},
	"read":  {role: settings.RoleReader, verbs: []settings.AccessVerb{settings.AccessRead}},
	"write": {role: settings.RoleReader, verbs: settings.AccessVerbs()},
	"admin": {role: settings.RoleAdmin},
}

// may says what the server is to answer, in other words than it has itself.
func (l level) may(what need, dataset string) bool {
	verb := map[need]settings.AccessVerb{toRead: settings.AccessRead, toWrite: settings.AccessWrite}[what]
	switch {
	case l.role == settings.RoleAdmin || verb == "":
		return true
	case dataset == own:
		return slices.Contains(l.verbs, verb)
	case dataset == free:
		return what == toRead || l.role == settings.RoleWriter
	}
	return false
}

// caller is somebody, or nobody, who calls.
type caller struct {
	level  level
	nobody bool
	header string
	pair   *tlstest.Pair
	shown  auth.Credential // that links are made for; empty: they are not
}

// matrix is a server, and all who call it.
type matrix struct {
	srv       *Server
	ca        *tlstest.CA
	config    settings.Credentials
	callers   map[string]*caller
	rules     []settings.AccessRule
	admin     flight.Client
	record    arrow.RecordBatch
	transport *http.Transport
}

// cell is one call.
type cell struct {
	t       *testing.T
	m       *matrix
	ctx     context.Context //nolint:containedctx // of the call
	who     *caller
	conn    *grpc.ClientConn
	client  flight.Client
	dataset string
}

// longAgo is a clock whose tickets have all expired.
type longAgo struct{}

func (longAgo) Now() time.Time                  { return time.Unix(1e9, 0) }
func (longAgo) Since(t time.Time) time.Duration { return time.Unix(1e9, 0).Sub(t) }

// TestPermissions makes every call as everybody, with datasets of every kind:
// what is permitted works, and nothing else does.
func TestPermissions(t *testing.T) {
	m := newMatrix(t, "")
	m.everyCallHasARow(t)
	for name, who := range m.callers {
		t.Run(name, func(t *testing.T) { m.run(t, who) })
	}
}

// TestPermissionsOfAnybody is for calls without credentials that the server lets
// in by a role.
func TestPermissionsOfAnybody(t *testing.T) {
	for _, role := range settings.Roles() {
		t.Run(string(role), func(t *testing.T) {
			m := newMatrix(t, role)
			anybody := auth.Credential{Kind: auth.KindAnonymous, Name: auth.Anonymous}
			m.run(t, &caller{level: level{role: role}, shown: anybody})
		})
	}
}

// everyCallHasARow compares the rows with what the server registered.
func (m *matrix) everyCallHasARow(t *testing.T) {
	t.Helper()
	var want []string
	for service, info := range m.srv.data.GetServiceInfo() {
		for _, method := range info.Methods {
			name := service + "/" + method.Name
			if service == gen.FlightService_ServiceDesc.ServiceName {
				name = method.Name
			}
			want = append(want, name)
		}
	}
	for _, action := range m.srv.flight.actions {
		want = append(want, "DoAction "+action.name)
	}
	for _, name := range want {
		has := func(row string) bool { return row == name || strings.HasPrefix(row, name+" ") }
		if !slices.ContainsFunc(namesOf(rows), has) {
			t.Errorf("%s has no row: who may call it?", name)
		}
	}
}

func namesOf[T any](m map[string]T) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// run makes every call as one caller.
func (m *matrix) run(t *testing.T, who *caller) {
	c := &cell{t: t, m: m, who: who, ctx: t.Context()}
	c.conn = m.connect(t, who.pair)
	c.client = flight.NewClientFromConn(c.conn, nil)
	if who.header != "" {
		c.ctx = withHeader(c.ctx, authorizationHeader, who.header)
	}
	for _, name := range namesOf(rows) {
		for _, dataset := range []string{own, other, free} {
			c.dataset = dataset
			c.check(name, rows[name])
			if who.nobody {
				break // whom no dataset is asked for
			}
		}
	}
	c.checkLists()
}

func (c *cell) check(name string, r row) {
	c.t.Helper()
	err := r.call(c)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	code := status.Code(err)
	refused := code == codes.PermissionDenied || code == codes.Unauthenticated
	allowed := r.need == nothing || !c.who.nobody && c.who.level.may(r.need, c.dataset) && (r.need != header || c.who.header != "")
	switch {
	case allowed && refused:
		c.t.Errorf("%s of %s is permitted, and refused: %v", name, c.dataset, err)
	case allowed && err != nil && !slices.Contains(r.others, code):
		c.t.Errorf("%s of %s: %v", name, c.dataset, err)
	case !allowed && !refused:
		c.t.Errorf("%s of %s is not permitted, and answered with %v", name, c.dataset, err)
	case !allowed && !c.who.nobody && r.need >= toRead && !errors.Is(err, denied) && !strings.Contains(err.Error(), `"`+c.dataset):
		c.t.Errorf("%s of %s: the refusal does not name the dataset: %v", name, c.dataset, err)
	}
	c.m.mend(c.t)
}

// checkLists compares what is shown with what is permitted.
func (c *cell) checkLists() {
	if c.who.nobody {
		return
	}
	var want []string
	for _, dataset := range []string{free, other, own} {
		if c.who.level.may(toRead, dataset) {
			want = append(want, dataset)
		}
	}
	shown := slices.DeleteFunc(must[[]string](c.t)(list(c.ctx, c.client, "")), func(name string) bool { return strings.HasSuffix(name, "2") })
	if !slices.Equal(shown, want) {
		c.t.Errorf("listed are %v, want %v", shown, want)
	}
	writes := slices.ContainsFunc([]string{free, other, own}, func(dataset string) bool { return c.who.level.may(toWrite, dataset) })
	actions := listActions(c.ctx, c.t, c.client)
	for name, r := range rows {
		action, is := strings.CutPrefix(name, "DoAction ")
		if !is || strings.Contains(action, " ") {
			continue
		}
		if listed := slices.Contains(actions, action); listed != (writes || r.need != toWrite) {
			c.t.Errorf("%s is listed: %t", action, listed)
		}
	}
}

func newMatrix(t *testing.T, anonymous settings.Role) *matrix {
	t.Helper()
	m := &matrix{ca: tlstest.NewCA(t), record: characters(t, "Arya"), callers: map[string]*caller{}, config: settings.Credentials{Anonymous: anonymous}}
	dir, leaf := t.TempDir(), m.ca.Issue(t, "server")
	s := testSettings(t)
	s.HTTPListen, s.Reflection, s.Limits.FailuresPerMinute = "127.0.0.1:0", true, 0
	s.TLS = &settings.TLS{
		CertFile: writeFile(t, dir, settings.TLSCertFile, leaf.Cert), KeyFile: writeFile(t, dir, settings.TLSKeyFile, leaf.Key),
		ClientCAFile: writeFile(t, dir, settings.CAFile, m.ca.PEM), ClientAuth: settings.ClientAuthOptional,
	}
	if anonymous == "" {
		m.addCallers(t)
		m.addNobodies(t)
	}
	admin := m.addToken("the admin", level{role: settings.RoleAdmin})
	writeAuth(t, s, m.config)
	o := options(s)
	o.Reviewer = &kubernetes{}
	m.srv, _ = startWith(t, o)
	m.logIn(t)
	m.transport = &http.Transport{TLSClientConfig: m.ca.Client(t, nil)}
	t.Cleanup(m.transport.CloseIdleConnections)
	m.admin = connect(t, m.srv.URI(), m.ca.Client(t, nil), strings.TrimPrefix(admin.header, bearerScheme))
	m.mend(t)
	return m
}

// mend puts back what a call may have taken away.
func (m *matrix) mend(t *testing.T) {
	t.Helper()
	for _, dataset := range []string{own, other, free} {
		if _, err := m.srv.catalog.Dataset(dataset); err == nil {
			continue
		}
		_, _ = act(t.Context(), m.admin, "drop_dataset", dataset+"2") // there is none, unless one was renamed
		must[[]string](t)(doPut(t.Context(), m.admin, upload{to: path(dataset), records: []arrow.RecordBatch{m.record}}))
		switch dataset {
		case own:
			declare(t, m.srv, own, m.rules...)
			declare(t, m.srv, own+"2", m.rules...)
		case other:
			declare(t, m.srv, other, rule(settings.AccessRead, "another"), rule(settings.AccessWrite, "another"))
		}
	}
}

func (m *matrix) connect(t *testing.T, pair *tlstest.Pair) *grpc.ClientConn {
	t.Helper()
	_, address, _ := strings.Cut(m.srv.URI(), "://")
	conn := must[*grpc.ClientConn](t)(grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(m.ca.Client(t, pair)))))
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// addCallers adds somebody of each kind and level.
func (m *matrix) addCallers(t *testing.T) {
	t.Helper()
	m.config.ServiceAccounts = &settings.ServiceAccounts{Audience: anAudience}
	for name, l := range levels {
		m.callers["ServiceAccount "+name] = m.addServiceAccount(t, name, l)
		m.callers["Token "+name] = m.addToken("token-"+name, l)

		user := settings.User{Name: "user-" + name, PasswordHash: settings.HashPassword(aPassword), Role: l.role}
		m.config.Users = append(m.config.Users, user)
		m.addRules(l, settings.SubjectUser, user.Name)
		m.callers["Password "+name] = &caller{level: l, header: basicHeader(user.Name, aPassword)}
		m.callers["Bearer "+name] = &caller{level: l}

		pair := m.ca.Issue(t, "loader-"+name)
		m.config.ClientCertificates = append(m.config.ClientCertificates, settings.ClientCertificate{CommonName: "loader-" + name, Role: l.role})
		m.addRules(l, settings.SubjectCertificate, "loader-"+name)
		m.callers["Certificate "+name] = &caller{
			level: l, pair: &pair, shown: auth.Credential{Kind: settings.SubjectCertificate, Name: "loader-" + name},
		}
	}
}

func (m *matrix) addToken(name string, l level) *caller {
	text, digest := auth.NewToken(name, l.role)
	m.config.Tokens = append(m.config.Tokens, digest)
	m.addRules(l, settings.SubjectToken, name)
	shown := auth.Credential{Kind: settings.SubjectToken, Name: name, Version: digest.KeyID}
	return &caller{level: l, header: bearerScheme + text, shown: shown}
}

func (m *matrix) addServiceAccount(t *testing.T, name string, l level) *caller {
	t.Helper()
	accounts := m.config.ServiceAccounts
	accounts.Bindings = append(accounts.Bindings, settings.ServiceAccountBinding{Namespace: "bi", Name: name, Role: l.role})
	m.addRule(l, settings.Subject{Kind: settings.SubjectServiceAccount, Namespace: "bi", Name: name})
	// Of the same name in another namespace, which is somebody else.
	m.addRule(levels["write"], settings.Subject{Kind: settings.SubjectServiceAccount, Namespace: "it", Name: name})
	token := aToken{namespace: "bi", name: name, id: "id-" + name}
	shown := auth.Credential{Kind: settings.SubjectServiceAccount, Name: "bi/" + name, Version: token.id}
	return &caller{level: l, header: bearerScheme + token.sign(t), shown: shown}
}

func (m *matrix) addRules(l level, kind settings.SubjectKind, name string) {
	m.addRule(l, settings.Subject{Kind: kind, Name: name})
}

func (m *matrix) addRule(l level, who settings.Subject) {
	if len(l.verbs) > 0 {
		m.rules = append(m.rules, settings.AccessRule{Subjects: []settings.Subject{who}, Verbs: l.verbs})
	}
}

// addNobodies adds those who have something that is no good.
func (m *matrix) addNobodies(t *testing.T) {
	t.Helper()
	token := func(edit func(*settings.Token)) string {
		text, digest := auth.NewToken("out of its time", settings.RoleAdmin)
		edit(&digest)
		m.config.Tokens = append(m.config.Tokens, digest)
		return bearerScheme + text
	}
	stranger, loader := m.ca.Issue(t, "stranger"), m.ca.Issue(t, "loader-admin")
	for name, who := range map[string]caller{
		"no credentials":             {},
		"the scheme alone":           {header: "Bearer "},
		"an unknown token":           {header: bearerScheme + "fl1_00_x"},
		"no token at all":            {header: bearerScheme + "eyJhbGciOiJub25lIn0.e30."},
		"an expired token":           {header: token(func(d *settings.Token) { d.NotAfter = metav1.Unix(1, 0) })},
		"a token of tomorrow":        {header: token(func(d *settings.Token) { d.NotBefore = metav1.NewTime(time.Now().Add(24 * time.Hour)) })},
		"a wrong password":           {header: basicHeader("user-admin", "x")},
		"an unknown user":            {header: basicHeader("nobody", aPassword)},
		"a strange certificate":      {pair: &stranger},
		"a wrong token, certificate": {pair: &loader, header: bearerScheme + "x"},
		"an account without a role":  {header: bearerScheme + aToken{namespace: "it", name: "admin"}.sign(t)},
		"a token for another use":    {header: bearerScheme + aToken{namespace: "bi", name: "admin", audience: "vault"}.sign(t)},
		"a token that nobody made":   {header: bearerScheme + aToken{namespace: "bi", name: "admin", id: aForgedID}.sign(t)},
	} {
		who.nobody = true
		m.callers[name] = &who
	}
}

// logIn gives bearers to those who call with them, and tells for which
// credentials links are made.
func (m *matrix) logIn(t *testing.T) {
	t.Helper()
	for name, who := range m.callers {
		kind, user, _ := strings.Cut(name, " ")
		if kind != "Bearer" && kind != "Password" {
			continue
		}
		id, bearer, err := m.srv.auth.LogIn(t.Context(), "", "user-"+user, aPassword)
		if err != nil {
			t.Fatal(err)
		}
		who.shown = id.Credential
		if kind == "Bearer" {
			who.header = bearerScheme + bearer
		}
	}
}
