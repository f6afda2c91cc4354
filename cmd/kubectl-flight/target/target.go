package target

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Target is a server and what it takes to connect to it.
type Target struct {
	uri     string
	address string
	tls     *tls.Config // nil: plaintext
	token   string
	// follow tells that the addresses which the server advertises can be
	// reached from here; behind a port-forward they cannot.
	follow bool
	// dial, if set, replaces the dialing of address.
	dial func(context.Context, string) (net.Conn, error)

	mu        sync.Mutex
	client    *connection
	locations map[string]*connection // nil: cannot be reached
}

// newTarget reads the URI of a server.
func newTarget(uri string) (*Target, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("%q is not a URI such as grpc+tls://flight.example:%d", uri, settings.PortData)
	}
	t := &Target{uri: uri}
	switch u.Scheme {
	case "grpc", "grpc+tcp":
	case "grpc+tls":
		t.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname()}
	case "grpc+unix":
		t.address = "unix:" + u.Path
		return t, nil
	default:
		return nil, fmt.Errorf("%q must begin with grpc:// or grpc+tls://", uri)
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("%q names no host", uri)
	}
	port := u.Port()
	if port == "" {
		port = strconv.Itoa(settings.PortData)
	}
	t.address = net.JoinHostPort(u.Hostname(), port)
	return t, nil
}

// trust makes the certificates the only authorities.
func (t *Target) trust(pem []byte) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("no certificate in PEM form was found")
	}
	t.tls.RootCAs = roots
	return nil
}

// String names the server in messages.
func (t *Target) String() string { return t.uri }

// Connect prepares the connection, which is made when it is first used.
func (t *Target) Connect() error {
	c, err := t.connect(t.address)
	t.client, t.locations = c, map[string]*connection{}
	return err
}

// Client is the connection to the server.
func (t *Target) Client() flight.Client { return t.client.Client }

// reachWithin bounds the wait for a location that an endpoint names.
const reachWithin = 2 * time.Second

// Location is a connection to another address that the server has named, or
// nil where it cannot be reached, or only less safely than the server itself.
func (t *Target) Location(ctx context.Context, uri string) flight.Client {
	at, err := newTarget(uri)
	if err != nil || !t.follow || (at.tls == nil) != (t.tls == nil) {
		return nil
	}
	if at.address == t.address {
		return t.Client()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c, known := t.locations[uri]
	if !known {
		at.token = t.token
		if at.tls != nil {
			at.tls.RootCAs = t.tls.RootCAs
		}
		c = at.reach(ctx)
		t.locations[uri] = c
	}
	if c == nil {
		return nil
	}
	return c.Client
}

// reach connects, or gives nil where that takes too long.
func (t *Target) reach(ctx context.Context) *connection {
	c, err := t.connect(t.address)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	c.conn.Connect()
	for state := c.conn.GetState(); state != connectivity.Ready; state = c.conn.GetState() {
		if state == connectivity.TransientFailure || !c.conn.WaitForStateChange(ctx, state) {
			_ = c.conn.Close() // it was never used
			return nil
		}
	}
	return c
}

// Close closes every connection.
func (t *Target) Close() error {
	var errs []error
	if t.client != nil {
		errs = append(errs, t.client.conn.Close())
	}
	for _, c := range t.locations {
		if c != nil {
			errs = append(errs, c.conn.Close())
		}
	}
	return errors.Join(errs...)
}

// connection is a client and the connection below it.
type connection struct {
	flight.Client
	conn *grpc.ClientConn
}

// Buffers as large as a few frames: with gRPC's own a stream costs twice the
// system calls.
const bufferSize = 1 << 20

func (t *Target) connect(address string) (*connection, error) {
	secure := insecure.NewCredentials()
	if t.tls != nil {
		secure = credentials.NewTLS(t.tls)
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(secure),
		grpc.WithReadBufferSize(bufferSize),
		grpc.WithWriteBufferSize(bufferSize),
		// Servers choose the size of a batch, and other clients set no bound.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)),
	}
	if t.token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer(t.token)))
	}
	if t.dial != nil {
		options = append(options, grpc.WithContextDialer(t.dial))
	}
	if t.dial != nil || t.tls != nil {
		address = "passthrough:///" + address
	}
	conn, err := grpc.NewClient(address, options...)
	if err != nil {
		return nil, err
	}
	return &connection{Client: flight.NewClientFromConn(conn, nil), conn: conn}, nil
}

// bearer is a token that goes with every call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity is false for clusters that allow tokens in
// plaintext.
func (bearer) RequireTransportSecurity() bool { return false }
