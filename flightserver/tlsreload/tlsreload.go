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
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flight-operator/flight-operator/flightserver/filewatch"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// ErrNoCertificates says that a CA file holds none.
var ErrNoCertificates = errors.New("holds no certificate")

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
		r.logger.Info("certificates reloaded", "leaf", m.leafRevision, "notAfter", m.notAfter)
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
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{"h2"},
	}
	cas, err := requireClients(config, files.ClientCAFile)
	if err != nil {
		return nil, err
	}
	all := append(append(append([]byte{}, cert...), key...), cas...)
	return &material{
		config:       config,
		revision:     settings.Revision(all),
		leafRevision: settings.Revision(cert),
		notAfter:     pair.Leaf.NotAfter,
	}, nil
}

// requireClients makes the configuration ask for client certificates when there
// are CAs to check them against, and gives the CA file's content.
func requireClients(config *tls.Config, caFile string) ([]byte, error) {
	if caFile == "" {
		return nil, nil
	}
	cas, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("tlsreload: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(cas) {
		return nil, fmt.Errorf("%s: %w", caFile, ErrNoCertificates)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return cas, nil
}
