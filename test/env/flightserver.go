package env

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// FlightServer plays the admin port of a cluster's server: real Flight over
// mutual TLS with the certificates that the operator wrote, datasets in memory.
type FlightServer struct {
	flight.BaseFlightServer

	listener net.Listener
	now      func() time.Time
	skew     atomic.Int64 // time.Duration
	secrets  client.Client
	key      client.ObjectKey // of the FlightCluster

	mu       sync.Mutex
	files    *tls.Config // as loaded last
	loaded   Loaded
	member   settings.MemberStatus
	datasets map[string]*settings.DatasetStatus
	access   map[string][]settings.AccessRule
	declared settings.DatasetDeclaration // last
	failure  error                       // of every action, when set
}

// StartFlightServer starts the server of one FlightCluster. It answers once it
// has loaded its files.
func StartFlightServer(t *testing.T, c client.Client, cluster client.ObjectKey, now func() time.Time) *FlightServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &FlightServer{
		listener: listener,
		now:      now,
		secrets:  c,
		key:      cluster,
		member:   settings.MemberStatus{Version: "1.2.3", UsedBytes: 10 << 20, CapacityBytes: 1 << 30},
		datasets: map[string]*settings.DatasetStatus{},
		access:   map[string][]settings.AccessRule{},
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion:         tls.VersionTLS13,
		GetConfigForClient: s.config,
	})))
	flight.RegisterFlightServiceServer(server, s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends with Stop
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return s
}

// Dial reaches this server whatever the address: no test has the cluster's DNS.
func (s *FlightServer) Dial(ctx context.Context, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", s.listener.Addr().String())
}

// Load takes over the certificates and credentials that are stored now, as a
// server does when the kubelet has carried them into the pod.
func (s *FlightServer) Load(t *testing.T) {
	t.Helper()
	pair, auth, signing := s.secret(t, "server-tls"), s.secret(t, "auth"), s.secret(t, "signing-keys")
	if _, err := tls.X509KeyPair(pair.Data[settings.TLSCertFile], pair.Data[settings.TLSKeyFile]); err != nil {
		t.Fatalf("loading the certificate for clients: %v", err)
	}
	certificate, err := tls.X509KeyPair(pair.Data[settings.AdminCertFile], pair.Data[settings.AdminKeyFile])
	if err != nil {
		t.Fatalf("loading the admin port's certificate: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pair.Data[settings.CAFile])
	credentials, err := settings.ParseCredentials(auth.Data[settings.CredentialsFile])
	if err != nil {
		t.Fatal(err)
	}
	keys, err := settings.ParseSigningKeys(signing.Data[settings.SigningKeysFile])
	if err != nil {
		t.Fatal(err)
	}
	told := s.settings(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded = Loaded{Certificate: certificate.Leaf, Credentials: credentials, SigningKeys: keys}
	s.files = &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    roots,
		Time:         s.time,
	}
	s.member.LeafRevision = ""
	if told.TLS != nil {
		s.member.LeafRevision = settings.Revision(pair.Data[settings.TLSCertFile])
	}
	s.member.AdminLeafRevision = settings.Revision(pair.Data[settings.AdminCertFile])
	s.member.TrustRevision = settings.Revision(pair.Data[settings.CAFile])
	s.member.ClientCARevision = ""
	if cas, ok := pair.Data[settings.ClientCAFile]; ok {
		s.member.ClientCARevision = settings.Revision(cas)
	}
	s.member.AuthRevision = settings.Revision(auth.Data[settings.CredentialsFile])
	s.member.SigningRevision = settings.Revision(signing.Data[settings.SigningKeysFile])
}

// Loaded is what decides on the calls of clients.
type Loaded struct {
	Certificate *x509.Certificate
	Credentials *settings.Credentials
	SigningKeys *settings.SigningKeys
}

// Loaded gives what was loaded last.
func (s *FlightServer) Loaded() Loaded {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loaded
}

// Skew sets by how much the server's clock is ahead.
func (s *FlightServer) Skew(d time.Duration) { s.skew.Store(int64(d)) }

func (s *FlightServer) time() time.Time { return s.now().Add(time.Duration(s.skew.Load())) }

// Fail makes every action fail; nil ends that.
func (s *FlightServer) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
}

// Use sets how full the volume is.
func (s *FlightServer) Use(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.member.UsedBytes = bytes
}

// Upload adds a version to a dataset, as a client does.
func (s *FlightServer) Upload(name string, rows, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.dataset(strings.Split(name, "/"), "")
	d.Version++
	d.Rows, d.Bytes = rows, bytes
}

// Declared gives the last declaration.
func (s *FlightServer) Declared() settings.DatasetDeclaration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.declared
}

// Datasets lists the names of what the server keeps.
func (s *FlightServer) Datasets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.datasets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Drop removes a dataset, as a client does.
func (s *FlightServer) Drop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(name)
}

func (s *FlightServer) drop(name string) {
	delete(s.datasets, name)
	delete(s.access, name)
}

// Access gives the rules of a dataset; nil: it has none.
func (s *FlightServer) Access(name string) []settings.AccessRule {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.access[name]
}

// SetAccess changes them behind the operator's back.
func (s *FlightServer) SetAccess(name string, rules []settings.AccessRule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access[name] = rules
}

// DoAction answers the operator.
func (s *FlightServer) DoAction(action *flight.Action, stream flight.FlightService_DoActionServer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil {
		return s.failure
	}
	answer, err := s.act(action)
	if err != nil || answer == nil {
		return err
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return stream.Send(&flight.Result{Body: body})
}

func (s *FlightServer) act(action *flight.Action) (any, error) {
	switch action.GetType() {
	case settings.ActionHealth:
		s.member.Datasets = len(s.datasets)
		return s.member, nil
	case settings.ActionDeclareDataset:
		d := settings.DatasetDeclaration{}
		if err := json.Unmarshal(action.GetBody(), &d); err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
		s.declared = d
		kept := s.dataset(d.Path, d.Format)
		if d.Format != "" && d.Format != kept.Format {
			return nil, status.Errorf(codes.InvalidArgument, "dataset %q has format %s", strings.Join(d.Path, "/"), kept.Format)
		}
		s.access[strings.Join(d.Path, "/")] = d.Access
		return *kept, nil
	case settings.ActionDropDataset:
		r := settings.DatasetRef{}
		if err := json.Unmarshal(action.GetBody(), &r); err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
		d, ok := s.datasets[r.Dataset]
		if !ok || (r.ID != "" && r.ID != d.ID) {
			return nil, status.Errorf(codes.NotFound, "dataset %q not found", r.Dataset)
		}
		s.drop(r.Dataset)
		return nil, nil
	}
	return nil, status.Errorf(codes.Unimplemented, "no action %q", action.GetType())
}

func (s *FlightServer) dataset(path []string, format string) *settings.DatasetStatus {
	name := strings.Join(path, "/")
	if d, ok := s.datasets[name]; ok {
		return d
	}
	if format == "" {
		format = settings.FormatArrow
	}
	d := &settings.DatasetStatus{ID: uuid.NewString(), Path: path, Format: format}
	s.datasets[name] = d
	return d
}

func (s *FlightServer) config(*tls.ClientHelloInfo) (*tls.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		return nil, errors.New("no files are loaded")
	}
	return s.files.Clone(), nil
}

func (s *FlightServer) settings(t *testing.T) *settings.ServerSettings {
	t.Helper()
	config := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: s.key.Namespace, Name: s.key.Name + "-settings"}
	if err := s.secrets.Get(t.Context(), key, config); err != nil {
		t.Fatal(err)
	}
	told, err := settings.Parse([]byte(config.Data[settings.SettingsFile]))
	if err != nil {
		t.Fatal(err)
	}
	return told
}

func (s *FlightServer) secret(t *testing.T, child string) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: s.key.Namespace, Name: s.key.Name + "-" + child}
	if err := s.secrets.Get(t.Context(), key, secret); err != nil {
		t.Fatal(err)
	}
	return secret
}
