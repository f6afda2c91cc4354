package auth

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/filewatch"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Options of an Authenticator.
type Options struct {
	File       string // credentials; empty: every call is allowed everything
	Keys       *Keys  // of session bearers
	Clock      clock.PassiveClock
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Authenticator turns the authorization header of a call into an identity. Any
// number of goroutines may call it.
type Authenticator struct {
	path    string // empty: every call is allowed everything
	keys    *Keys
	clock   clock.PassiveClock
	logger  *slog.Logger
	metrics *metrics
	logins  *logins
	loaded  atomic.Pointer[credentials]
	files   []*followed // what Run follows
}

// credentials is a loaded file; it does not change.
type credentials struct {
	revision  string
	anonymous settings.Role
	byKeyID   map[string]settings.Token
	users     []settings.User
	byName    map[string]settings.User
	nobody    string // a hash to compute where there are no users
}

// Open loads the credentials file. Without a path every caller is an Admin,
// which the settings grant to servers on loopback and to those told to be
// insecure.
func Open(o Options) (*Authenticator, error) {
	a := &Authenticator{
		path:    o.File,
		keys:    o.Keys,
		clock:   o.Clock,
		logger:  o.Logger,
		metrics: newMetrics(o.Registerer),
		logins:  newLogins(o.Clock),
	}
	a.files = []*followed{&o.Keys.file}
	if a.path == "" {
		a.loaded.Store(&credentials{anonymous: settings.RoleAdmin})
		return a, nil
	}
	file := &followed{path: a.path, apply: a.apply}
	a.files = append(a.files, file)
	if err := file.load(); err != nil {
		return nil, err
	}
	return a, nil
}

// Run follows the files of credentials and keys until ctx is done.
func (a *Authenticator) Run(ctx context.Context) {
	var paths []string
	for _, f := range a.files {
		paths = append(paths, f.path)
	}
	filewatch.Run(ctx, a.logger, paths, a.reload)
}

// Revision names the content of the file that is in force.
func (a *Authenticator) Revision() string { return a.loaded.Load().revision }

// Authenticate gives the identity behind an authorization header, which is
// empty when the call has none. For Basic credentials it gives a bearer as well,
// which the caller may send in their place.
func (a *Authenticator) Authenticate(ctx context.Context, header string) (id Identity, bearer string, err error) {
	scheme, value, _ := strings.Cut(header, " ")
	value = strings.TrimSpace(value)
	switch {
	case header == "" || (value == "" && strings.EqualFold(scheme, "Bearer")):
		// Some clients send the scheme alone when they have no token.
		id, err = a.loaded.Load().withoutToken()
		return id, "", err
	case strings.EqualFold(scheme, "Bearer"):
		id, err = a.token(value)
		return id, "", err
	case strings.EqualFold(scheme, "Basic"):
		user, password, err := decodeBasic(value)
		if err != nil {
			return Identity{}, "", err
		}
		return a.LogIn(ctx, user, password)
	}
	return Identity{}, "", ErrInvalidToken
}

// LogIn trades a name and a password for a bearer.
func (a *Authenticator) LogIn(ctx context.Context, name, password string) (id Identity, bearer string, err error) {
	c := a.loaded.Load()
	if a.path == "" {
		// Nobody's password means anything here, and clients that always log in
		// must be able to.
		id = Identity{Name: Anonymous, Role: c.anonymous}
		bearer, id.Session, err = a.newBearer(settings.User{Name: Anonymous})
		return id, bearer, err
	}
	if err := a.logins.check(ctx, c, name, password); err != nil {
		return Identity{}, "", err
	}
	user := c.byName[name]
	id = Identity{Name: user.Name, Role: user.Role}
	bearer, id.Session, err = a.newBearer(user)
	return id, bearer, err
}

func (a *Authenticator) token(text string) (Identity, error) {
	c := a.loaded.Load()
	switch {
	case a.path == "":
		// A token means nothing to a server without a file, and clients that
		// always send one must be able to use it.
		return a.openIdentity(c, text)
	case strings.HasPrefix(text, tokenPrefix):
		return c.withToken(text)
	}
	return a.withBearer(c, text)
}

// openIdentity lets everybody in; a bearer of ours still tells the session.
func (a *Authenticator) openIdentity(c *credentials, text string) (Identity, error) {
	id, err := c.withoutToken()
	var claims bearerClaims
	if a.keys.Verify(text, bearerAudience, &claims) == nil {
		id.Session = claims.ID
	}
	return id, err
}

func (a *Authenticator) reload() {
	for _, f := range a.files {
		if err := f.reload(); err != nil {
			a.metrics.reloadFailures.Inc()
			a.logger.Error("file not reloaded, its last good content stays in force", "file", f.path, "error", err)
		}
	}
}

func (a *Authenticator) apply(content []byte, revision string) error {
	file, err := settings.ParseCredentials(content)
	if err != nil {
		return err
	}
	a.loaded.Store(newCredentials(revision, file))
	a.logins.forget()
	a.logger.Info("credentials loaded", "file", a.path, "revision", revision, "tokens", len(file.Tokens), "users", len(file.Users))
	return nil
}

func newCredentials(revision string, file *settings.Credentials) *credentials {
	c := &credentials{
		revision:  revision,
		anonymous: file.Anonymous,
		byKeyID:   map[string]settings.Token{},
		users:     file.Users,
		byName:    map[string]settings.User{},
		nobody:    HashPassword(""),
	}
	for _, t := range file.Tokens {
		t.SHA256 = strings.ToLower(t.SHA256) // the file may hold digits of either case
		c.byKeyID[t.KeyID] = t
	}
	for _, u := range file.Users {
		c.byName[u.Name] = u
	}
	return c
}

func (c *credentials) withoutToken() (Identity, error) {
	if c.anonymous == "" {
		return Identity{}, ErrNoCredentials
	}
	return Identity{Name: Anonymous, Role: c.anonymous}, nil
}

func (c *credentials) withToken(token string) (Identity, error) {
	id, ok := keyID(token)
	if !ok {
		return Identity{}, ErrInvalidToken
	}
	known, ok := c.byKeyID[id]
	// The digest of what was sent says nothing about the one that is kept, but
	// comparing in constant time costs nothing and leaves nothing to argue.
	if !ok || subtle.ConstantTimeCompare([]byte(Digest(token)), []byte(known.SHA256)) != 1 {
		return Identity{}, ErrInvalidToken
	}
	return Identity{Name: known.Name, Role: known.Role}, nil
}
