package serveradmin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// callTimeout bounds each call: one server that hangs must not hold up the
// others.
const callTimeout = 5 * time.Second

// Errors that callers act upon. Their texts end up in conditions, where nobody
// knows this package.
var (
	// ErrNotFound: the server has no such dataset.
	ErrNotFound = errors.New("the server has no such dataset")
	// ErrRefused: the server understood and will not; asking again is of no use.
	ErrRefused = errors.New("the server refuses")
	// ErrUnreachable: no server answered in time.
	ErrUnreachable = errors.New("the server does not answer")
)

// Dialer opens connections to admin ports; the zero value dials the network.
type Dialer struct {
	// DialContext replaces the network, for tests.
	DialContext func(ctx context.Context, address string) (net.Conn, error)
	// Now replaces the time that certificates are checked against, for tests.
	Now func() time.Time
}

// Target is the admin port of one server and what is needed to trust it.
type Target struct {
	Host        string // as in the server's certificate
	Roots       []byte // PEM
	Certificate tls.Certificate
}

// Client speaks to one server. Close it.
type Client struct{ flight flight.Client }

// Dial prepares a connection; the first call makes it.
func (d Dialer) Dial(t Target) (*Client, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(t.Roots) {
		return nil, fmt.Errorf("no certificate among the roots for %s", t.Host)
	}
	options := []grpc.DialOption{
		grpc.WithNoProxy(), // pods are never behind the proxy that leads out of Kubernetes
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
			MinVersion:   tls.VersionTLS13,
			ServerName:   t.Host,
			RootCAs:      roots,
			Certificates: []tls.Certificate{t.Certificate},
			Time:         d.Now,
		})),
	}
	target := fmt.Sprintf("dns:///%s:%d", t.Host, settings.PortAdmin)
	if d.DialContext != nil {
		target = fmt.Sprintf("passthrough:///%s:%d", t.Host, settings.PortAdmin)
		options = append(options, grpc.WithContextDialer(d.DialContext))
	}
	client, err := flight.NewClientWithMiddleware(target, nil, nil, options...)
	if err != nil {
		return nil, fmt.Errorf("dialing %s: %w", t.Host, err)
	}
	return &Client{flight: client}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.flight.Close() }

// Health asks the server about itself.
func (c *Client) Health(ctx context.Context) (settings.MemberStatus, error) {
	var out settings.MemberStatus
	err := c.call(ctx, settings.ActionHealth, nil, &out)
	return out, err
}

// DeclareDataset creates the dataset or adopts the one that is there.
func (c *Client) DeclareDataset(ctx context.Context, d settings.DatasetDeclaration) (settings.DatasetStatus, error) {
	var out settings.DatasetStatus
	err := c.call(ctx, settings.ActionDeclareDataset, d, &out)
	return out, err
}

// DropDataset removes the dataset and its data. One that is gone already is
// ErrNotFound.
func (c *Client) DropDataset(ctx context.Context, r settings.DatasetRef) error {
	return c.call(ctx, settings.ActionDropDataset, r, nil)
}

func (c *Client) call(ctx context.Context, action string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	body, err := marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	stream, err := c.flight.DoAction(ctx, &flight.Action{Type: action, Body: body})
	if err != nil {
		return fmt.Errorf("%s: %w", action, fromStatus(err))
	}
	if err := receive(stream, out); err != nil {
		return fmt.Errorf("%s: %w", action, fromStatus(err))
	}
	return nil
}

func marshal(in any) ([]byte, error) {
	if in == nil {
		return nil, nil
	}
	return json.Marshal(in)
}

// receive reads the one result of an action and then its end, which carries the
// server's verdict.
func receive(stream flight.FlightService_DoActionClient, out any) error {
	for results := 0; ; results++ {
		result, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) && out != nil && results == 0:
			return errors.New("the server answered nothing")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case out != nil && results == 0:
			if err := json.Unmarshal(result.GetBody(), out); err != nil {
				return fmt.Errorf("reading the answer: %w", err)
			}
		}
	}
}

// fromStatus turns codes that callers act upon into errors of this package. The
// server's text is kept: it names what the user named.
func fromStatus(err error) error {
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	switch s.Code() {
	case codes.NotFound:
		return fmt.Errorf("%w: %s", ErrNotFound, s.Message())
	case codes.InvalidArgument, codes.FailedPrecondition, codes.AlreadyExists, codes.Unimplemented:
		return fmt.Errorf("%w: %s", ErrRefused, s.Message())
	case codes.Unavailable, codes.DeadlineExceeded:
		return fmt.Errorf("%w: %s", ErrUnreachable, s.Message())
	}
	return errors.New(s.Message())
}
