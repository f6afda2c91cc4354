// Package tlsreload serves TLS with certificates and client CAs that follow
// their files, without a restart and without breaking a connection.
//
// Leaf, key and client CAs are taken over together or not at all: a file that
// is missing, half written or does not fit the others changes nothing, and the
// last good set stays in force.
package tlsreload

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flight-operator/flight-operator/flightserver/filewatch"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Reloader holds the TLS material of one listener. Any number of goroutines may
// use it.
type Reloader struct {
	files   settings.TLS
	logger  *slog.Logger
	metrics *metrics
	loaded  atomic.Pointer[material]
	// failure is the text of the last reload's error, so that files that stay
	// broken are logged once. Only Run touches it.
	failure string
}

// material is one good set of files; it does not change. One configuration
// serves all its connections, so that sessions resume, and never across a
// change of the client CAs.
type material struct {
	config       *tls.Config
	revision     string // of all files together
	leafRevision string
	caRevision   string // empty: no client CAs
	notAfter     time.Time
}

// Open loads the files. The listener's name tells its metrics from others'.
func Open(listener string, files settings.TLS, logger *slog.Logger, registerer prometheus.Registerer) (*Reloader, error) {
	r := &Reloader{files: files, logger: logger.With("listener", listener)}
	m, err := load(files)
	if err != nil {
		return nil, err
	}
	r.loaded.Store(m)
	r.metrics = newMetrics(registerer, listener, r)
	return r, nil
}

// Run follows the files until ctx is done.
func (r *Reloader) Run(ctx context.Context) {
	files := []string{r.files.CertFile, r.files.KeyFile}
	if r.files.ClientCAFile != "" {
		files = append(files, r.files.ClientCAFile)
	}
	filewatch.Run(ctx, r.logger, files, r.reload)
}

// Config gives a configuration for a listener; each connection is served with
// the material that is in force when it begins.
func (r *Reloader) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return r.loaded.Load().config, nil
		},
	}
}

// LeafRevision names the content of the certificate file that is in force.
func (r *Reloader) LeafRevision() string { return r.loaded.Load().leafRevision }

// TrustRevision names the content of the file of client CAs that is in force;
// empty: none is.
func (r *Reloader) TrustRevision() string { return r.loaded.Load().caRevision }

func (r *Reloader) reload() {
	m, err := load(r.files)
	if err != nil {
		if text := err.Error(); text != r.failure {
			r.failure = text
			r.metrics.reloadFailures.Inc()
			r.logger.Error("certificates not reloaded, the last good ones stay in force", "error", err)
		}
		return
	}
	r.failure = ""
	if m.revision != r.loaded.Load().revision {
		r.loaded.Store(m)
		r.logger.Info("certificates reloaded", "leaf", m.leafRevision, "clientCAs", m.caRevision, "notAfter", m.notAfter)
	}
}

func load(files settings.TLS) (*material, error) {
	cert, err := os.ReadFile(files.CertFile)
	if err != nil {
		return nil, fmt.Errorf("tlsreload: %w", err)
	}
	key, err := os.ReadFile(files.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("tlsreload: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("tlsreload: %s with %s: %w", files.CertFile, files.KeyFile, err)
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		CipherSuites: settings.CipherSuites(),
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"h2"},
	}
	cas, err := requireClients(config, files)
	if err != nil {
		return nil, err
	}
	m := &material{
		config:       config,
		revision:     settings.Revision(slices.Concat(cert, key, cas)),
		leafRevision: settings.Revision(cert),
		notAfter:     pair.Leaf.NotAfter,
	}
	if cas != nil {
		m.caRevision = settings.Revision(cas)
	}
	return m, nil
}

// requireClients makes the configuration ask for client certificates as the
// settings say, and gives the content of the file of their CAs.
func requireClients(config *tls.Config, files settings.TLS) ([]byte, error) {
	switch files.Asks() {
	case settings.ClientAuthRequire:
		config.ClientAuth = tls.RequireAndVerifyClientCert
	case settings.ClientAuthOptional:
		config.ClientAuth = tls.VerifyClientCertIfGiven
	case settings.ClientAuthNone:
		return nil, nil
	}
	cas, err := os.ReadFile(files.ClientCAFile)
	if err != nil {
		return nil, fmt.Errorf("tlsreload: %w", err)
	}
	if config.ClientCAs, err = settings.ParseRoots(cas); err != nil {
		return nil, fmt.Errorf("%s: %w", files.ClientCAFile, err)
	}
	return cas, nil
}
