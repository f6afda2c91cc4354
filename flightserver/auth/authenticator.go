package auth

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/filewatch"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Options of an Authenticator.
type Options struct {
	File string // credentials; empty: every call is allowed everything
	Keys *Keys  // of session bearers
	// FailuresPerMinute bounds the failures of a peer; zero is no bound.
	FailuresPerMinute int
	// Reviewer knows the tokens of ServiceAccounts; nil: there is no Kubernetes.
	Reviewer   Reviewer
	Clock      clock.WithTicker
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Authenticator tells who makes a call. Any number of goroutines may use it.
type Authenticator struct {
	path     string // empty: every call is allowed everything
	keys     *Keys
	clock    clock.WithTicker
	logger   *slog.Logger
	metrics  *metrics
	logins   *logins
	reviews  *reviews
	failures *throttle
	held     held
	loaded   atomic.Pointer[credentials]
	files    []*followed // what Run follows
}

// Open loads the credentials file. Without a path every caller is an Admin,
// which the settings grant to servers on loopback and to those told to be
// insecure.
func Open(o Options) (*Authenticator, error) {
	a := &Authenticator{
		path:     o.File,
		keys:     o.Keys,
		clock:    o.Clock,
		logger:   o.Logger,
		metrics:  newMetrics(o.Registerer),
		logins:   newLogins(o.Clock),
		failures: newThrottle(o.Clock, o.FailuresPerMinute),
	}
	a.reviews = newReviews(o.Reviewer, o.Clock, a.metrics)
	a.files = []*followed{&o.Keys.file}
	if a.path == "" {
		a.loaded.Store(&credentials{open: true, anonymous: settings.RoleAdmin})
		return a, nil
	}
	file := &followed{path: a.path, apply: a.apply}
	a.files = append(a.files, file)
	if err := file.load(); err != nil {
		return nil, err
	}
	return a, nil
}

// Run follows the files of credentials and keys, and what becomes of tokens of
// ServiceAccounts, until ctx is done.
func (a *Authenticator) Run(ctx context.Context) {
	var rechecking sync.WaitGroup
	rechecking.Go(func() { a.recheckEach(ctx) })
	defer rechecking.Wait()
	var paths []string
	for _, f := range a.files {
		paths = append(paths, f.path)
	}
	filewatch.Run(ctx, a.logger, paths, a.reload)
}

// Revision names the content of the file that is in force.
func (a *Authenticator) Revision() string { return a.loaded.Load().revision }

// Find gives the identity of credentials that were shown before, with the role
// that they have now. The error is ErrRevoked where they are no longer good.
func (a *Authenticator) Find(shown Credential) (Identity, error) {
	if id, ok := a.loaded.Load().find(shown); ok {
		return id, nil
	}
	a.metrics.failures.WithLabelValues(Reason(ErrRevoked)).Inc()
	return Identity{}, fmt.Errorf("%w: those of %q", ErrRevoked, shown.Name)
}

func (a *Authenticator) reload() {
	for _, f := range a.files {
		if err := f.reload(); err != nil {
			a.metrics.reloadFailures.Inc()
			a.logger.Error("file not reloaded, its last good content stays in force", "file", f.path, "error", err)
		}
	}
	a.endForged()
}

func (a *Authenticator) apply(content []byte, revision string) error {
	file, err := settings.ParseCredentials(content)
	if err != nil {
		return err
	}
	c := newCredentials(revision, file)
	a.loaded.Store(c)
	a.logins.forget()
	revoked := a.held.revoke(c)
	a.logger.Info("credentials loaded", "file", a.path, "revision", revision, "tokens", len(file.Tokens),
		"users", len(file.Users), "clientCertificates", len(file.ClientCertificates), "serviceAccounts", len(c.accounts), "callsEnded", revoked)
	return nil
}
