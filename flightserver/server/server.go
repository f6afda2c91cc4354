package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"

	gen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/session"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/tlsreload"
	"github.com/flight-operator/flight-operator/flightserver/transport"
)

// signingKeysFile lies in the data directory: tickets and bearers outlive a
// restart.
const signingKeysFile = "signing-keys.yaml"

// Options of a server.
type Options struct {
	Settings *settings.ServerSettings
	Logger   *slog.Logger
	Registry *prometheus.Registry
	Clock    clock.WithTicker
	// Reviewer knows the tokens of ServiceAccounts; nil: there is no Kubernetes.
	Reviewer auth.Reviewer
	// Spans takes the spans of calls; nil: they go where the settings say.
	Spans sdktrace.SpanProcessor
}

// Server is a Flight server with its three ports. New opens it, Run serves and
// closes it.
type Server struct {
	settings *settings.ServerSettings
	logger   *slog.Logger
	registry *prometheus.Registry
	clock    clock.WithTicker
	metrics  *metrics

	catalog  *catalog.Catalog
	reviewer auth.Reviewer // nil: there is no Kubernetes
	keys     *auth.Keys
	auth     *auth.Authenticator
	dataTLS  *tlsreload.Reloader // nil: plaintext
	adminTLS *tlsreload.Reloader // nil: no admin port

	dataListener  net.Listener
	adminListener net.Listener // nil: no admin port
	opsListener   net.Listener // nil: no ops port
	httpListener  net.Listener // nil: no links

	data    *transport.Server
	admin   *transport.Server // nil: no admin port
	ops     *http.Server      // nil: no ops port
	links   *links            // nil: no links
	flight  *flightService
	guards  *guards
	may     *permissions
	audit   *auditing                // nil: there is no audit log
	spans   sdktrace.SpanProcessor   // nil: as the settings say
	tracer  *sdktrace.TracerProvider // nil: nothing is traced
	health  *drainingHealth
	serving atomic.Bool // readiness

	// closers undo what New did, last first.
	closers []func() error
}

// New opens the data directory, loads credentials and certificates and takes
// the ports. When it returns, clients may connect; they are answered once Run
// is called. A server that is not run is to be closed.
func New(ctx context.Context, o Options) (*Server, error) {
	if err := o.Settings.Validate(); err != nil {
		return nil, err
	}
	s := &Server{
		settings: o.Settings, logger: o.Logger, registry: o.Registry, clock: o.Clock, reviewer: o.Reviewer, spans: o.Spans,
		metrics: newMetrics(o.Registry),
	}
	if err := s.open(ctx, o.Clock); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) open(ctx context.Context, now clock.WithTicker) error {
	if err := s.openCatalog(ctx, now); err != nil {
		return err
	}
	if err := s.openAuth(now); err != nil {
		return err
	}
	if err := s.openAudit(now); err != nil {
		return err
	}
	if err := s.openTLS(); err != nil {
		return err
	}
	if err := s.listen(ctx); err != nil {
		return err
	}
	if err := s.openTracing(ctx); err != nil {
		return err
	}
	s.may = &permissions{catalog: s.catalog, audit: s.audit}
	s.newFlightService(now)
	if s.httpListener != nil {
		s.httpListener = s.guards.listener(s.httpListener)
		s.newLinks()
	}
	s.dataListener = s.guards.listener(s.dataListener)
	s.newDataServer()
	if s.adminListener != nil {
		s.newAdminServer()
	}
	if s.opsListener != nil {
		s.newOpsServer()
	}
	return nil
}

func (s *Server) openCatalog(ctx context.Context, now clock.WithTicker) (err error) {
	s.catalog, err = catalog.Open(ctx, catalog.Options{
		Dir:            s.settings.DataDir,
		Clock:          now,
		ClusterUID:     s.settings.ClusterUID,
		KeepSuperseded: s.settings.KeepSuperseded.Duration,
		KeepAtLeast:    settings.TicketLife,
		Space:          spaceOf(s.settings.Storage),
		CacheBytes:     s.settings.Storage.Cache.Value(),
		Maintenance:    maintenanceOf(s.settings.Storage),
		Logger:         s.logger,
		Registerer:     s.registry,
	})
	if err == nil {
		s.closers = append(s.closers, s.catalog.Close)
	}
	return err
}

// openAuth loads credentials and the keys that tickets and bearers are signed
// with: those of the settings, which servers may share, or the data directory's
// own.
func (s *Server) openAuth(now clock.WithTicker) (err error) {
	path, own := s.settings.SigningKeysFile, false
	if path == "" {
		path, own = filepath.Join(s.settings.DataDir, signingKeysFile), true
	}
	if s.keys, err = auth.OpenKeys(path, own, now); err != nil {
		return err
	}
	s.auth, err = auth.Open(auth.Options{
		File: s.settings.AuthFile, Keys: s.keys, FailuresPerMinute: s.settings.Limits.FailuresPerMinute,
		Reviewer: s.reviewer, Clock: now, Logger: s.logger, Registerer: s.registry,
	})
	return err
}

func (s *Server) openTLS() (err error) {
	if s.settings.TLS != nil {
		if s.dataTLS, err = tlsreload.Open("data", *s.settings.TLS, s.logger, s.registry); err != nil {
			return err
		}
	}
	if s.settings.AdminListen != "" {
		s.adminTLS, err = tlsreload.Open("admin", *s.settings.AdminTLS, s.logger, s.registry)
	}
	return err
}

func (s *Server) newFlightService(now clock.WithTicker) {
	s.flight = &flightService{
		catalog:   s.catalog,
		may:       s.may,
		logIn:     s.auth.LogIn,
		tickets:   &tickets{keys: s.keys, clock: now},
		flights:   newFlights(now),
		polls:     newPolls(now),
		locations: locations(s.settings.Advertise),
		logger:    s.logger,
		metrics:   s.metrics,
		sessions:  session.NewStore(sessionOptions(), now),
		serving:   s.serving.Load,
	}
	s.flight.actions = s.flight.dataActions()
	s.guards = newGuards(s.settings.Limits, s.logger, s.registry, &s.flight.background)
	s.flight.guards = s.guards
}

func (s *Server) newDataServer() {
	through := interceptors(s.logger, s.metrics, s.audit, wordingOf(s.settings.Profile), s.caller).then(s.revocable()).then(s.guards.interceptors())
	s.data = newGRPCServer(s.dataTLS, s.guards, through, s.tracing())
	s.health = newDrainingHealth()
	gen.RegisterFlightServiceServer(s.data, linked{s.flight, s.links})
	healthpb.RegisterHealthServer(s.data, s.health)
	if s.settings.Reflection {
		reflection.Register(s.data)
	}
	s.metrics.rpc.InitializeMetrics(s.data)
}

func (s *Server) newAdminServer() {
	service := &adminService{catalog: s.catalog, may: s.may, logger: s.logger, revisions: s.revisions}
	service.actions = service.adminActions()
	s.admin = newGRPCServer(s.adminTLS, s.guards, interceptors(s.logger, s.metrics, s.audit, ownWords, operator), nil)
	gen.RegisterFlightServiceServer(s.admin, service)
}

// revisions are told over the admin port, which always has a certificate.
func (s *Server) revisions(status *settings.MemberStatus) {
	status.AuthRevision = s.auth.Revision()
	status.SigningRevision = s.keys.Revision()
	status.TrustRevision = s.adminTLS.TrustRevision()
	status.AdminLeafRevision = s.adminTLS.LeafRevision()
	if s.dataTLS != nil {
		status.LeafRevision = s.dataTLS.LeafRevision()
		status.ClientCARevision = s.dataTLS.TrustRevision()
	}
}

// Close gives back what New took; Run does it as well.
func (s *Server) Close() error {
	var errs []error
	for _, undo := range slices.Backward(s.closers) {
		errs = append(errs, undo())
	}
	s.closers = nil
	return errors.Join(errs...)
}
