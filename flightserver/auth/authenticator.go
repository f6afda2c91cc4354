package auth

import (
	"context"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flight-operator/flight-operator/flightserver/filewatch"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Authenticator turns the authorization header of a call into an identity. Any
// number of goroutines may call it.
type Authenticator struct {
	path    string // empty: every call is allowed everything
	logger  *slog.Logger
	metrics *metrics
	loaded  atomic.Pointer[credentials]
	// failure is the text of the last reload's error, so that a file that stays
	// broken is logged once. Only Run touches it.
	failure string
}

// credentials is a loaded file; it does not change.
type credentials struct {
	revision  string
	anonymous settings.Role
	byKeyID   map[string]settings.Token
}

// Open loads the credentials file. Without a path every caller is an Admin,
// which the settings grant to servers on loopback and to those told to be
// insecure.
func Open(path string, logger *slog.Logger, registerer prometheus.Registerer) (*Authenticator, error) {
	a := &Authenticator{path: path, logger: logger, metrics: newMetrics(registerer)}
	if path == "" {
		a.loaded.Store(&credentials{anonymous: settings.RoleAdmin})
		return a, nil
	}
	if err := a.load(); err != nil {
		return nil, err
	}
	return a, nil
}

// Run follows the file until ctx is done.
func (a *Authenticator) Run(ctx context.Context) {
	if a.path == "" {
		return
	}
	filewatch.Run(ctx, a.logger, []string{a.path}, a.reload)
}

// Revision names the content of the file that is in force.
func (a *Authenticator) Revision() string { return a.loaded.Load().revision }

// Authenticate gives the identity behind an authorization header, which is
// empty when the call has none.
func (a *Authenticator) Authenticate(header string) (Identity, error) {
	c := a.loaded.Load()
	token, err := bearer(header)
	if err != nil {
		return Identity{}, err
	}
	if a.path == "" || token == "" {
		// A token means nothing to a server without a file, and clients that
		// always send one must be able to use it.
		return c.withoutToken()
	}
	return c.withToken(token)
}

func (a *Authenticator) reload() {
	err := a.load()
	if err == nil {
		a.failure = ""
		return
	}
	if text := err.Error(); text != a.failure {
		a.failure = text
		a.metrics.reloadFailures.Inc()
		a.logger.Error("credentials not reloaded, the last good ones stay in force", "file", a.path, "error", err)
	}
}

func (a *Authenticator) load() error {
	content, err := os.ReadFile(a.path)
	if err != nil {
		return fmt.Errorf("auth: %w", err)
	}
	revision := settings.Revision(content)
	if last := a.loaded.Load(); last != nil && last.revision == revision {
		return nil
	}
	file, err := settings.ParseCredentials(content)
	if err != nil {
		return fmt.Errorf("%s: %w", a.path, err)
	}
	c := &credentials{revision: revision, anonymous: file.Anonymous, byKeyID: map[string]settings.Token{}}
	for _, t := range file.Tokens {
		t.SHA256 = strings.ToLower(t.SHA256) // the file may hold digits of either case
		c.byKeyID[t.KeyID] = t
	}
	a.loaded.Store(c)
	a.logger.Info("credentials loaded", "file", a.path, "revision", revision, "tokens", len(file.Tokens))
	return nil
}

func (c *credentials) withoutToken() (Identity, error) {
	if c.anonymous == "" {
		return Identity{}, ErrNoCredentials
	}
	return Identity{Name: anonymous, Role: c.anonymous}, nil
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

// bearer gives the token of an authorization header. Some clients send the
// scheme alone when they have no token.
func bearer(header string) (string, error) {
	if header == "" {
		return "", nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ErrInvalidToken
	}
	return strings.TrimSpace(token), nil
}
