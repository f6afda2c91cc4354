package rotation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/flight-operator/flight-operator/test/env"
)

// dataset is what clients write and read; each member has one of its own.
var dataset = &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"probe"}}

// pause leaves the machine to others now and then.
const pause = 100 * time.Millisecond

// caller is a client of one member that calls again and again, with what it has
// read last.
type caller struct {
	name string
	host string // for which the certificate must be
	keep bool   // one connection for all calls

	// known is not replaced under a call: what a call began with is good for as
	// long as it takes.
	known struct {
		sync.RWMutex

		header string // authorization
		roots  *x509.CertPool
		read   int // step
	}
	calls int
	stop  func()
}

// knows gives the caller credentials and roots that it read at a step.
func (c *caller) knows(step int, header string, roots []byte) {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	c.known.Lock()
	defer c.known.Unlock()
	c.known.header, c.known.roots, c.known.read = header, pool, step
}

// run calls until stop does.
func (c *caller) run(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	c.stop = sync.OnceFunc(func() {
		cancel()
		wait.Wait()
	})
	t.Cleanup(c.stop)
	wait.Go(func() {
		if err := c.callUntil(ctx, address); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	})
}

func (c *caller) callUntil(ctx context.Context, address string) error {
	var client flight.Client
	for ; ctx.Err() == nil; c.calls++ {
		if client == nil {
			var err error
			if client, err = c.connect(address); err != nil {
				return err
			}
		}
		c.known.RLock()
		err := errors.Join(put(context.WithoutCancel(ctx), client), get(context.WithoutCancel(ctx), client))
		if err != nil {
			err = fmt.Errorf("knowing what was read at step %d: %w", c.known.read, err)
		}
		c.known.RUnlock()
		if !c.keep || err != nil || ctx.Err() != nil {
			err = errors.Join(err, client.Close())
			client = nil
		}
		if err != nil {
			return err
		}
		time.Sleep(pause)
	}
	return nil
}

func (c *caller) connect(address string) (flight.Client, error) {
	return flight.NewClientWithMiddleware(address, nil, nil, grpc.WithPerRPCCredentials(c), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
		MinVersion:         tls.VersionTLS13,
		ServerName:         c.host,
		InsecureSkipVerify: true, // VerifyConnection does it, with the roots that are known then
		VerifyConnection: func(s tls.ConnectionState) error {
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: s.ServerName, Roots: c.known.roots})
			return err
		},
	})))
}

// GetRequestMetadata is gRPC's way to ask for the header of a call.
func (c *caller) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": c.known.header}, nil
}

// RequireTransportSecurity is gRPC's way to ask whether the header is a secret.
func (*caller) RequireTransportSecurity() bool { return true }

// logIn trades a password for a bearer at a member.
func logIn(t *testing.T, address, host, user, password string, roots []byte) string {
	t.Helper()
	c := &caller{host: host}
	c.knows(0, "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)), roots)
	client, err := c.connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	stream, err := client.Handshake(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Fatalf("logging in at %s: %v", address, err)
	}
	given := stream.Trailer().Get("authorization")
	if len(given) == 0 {
		t.Fatalf("logging in at %s gave no bearer", address)
	}
	return given[0]
}

func put(ctx context.Context, client flight.Client) error {
	stream, err := client.DoPut(ctx)
	if err != nil {
		return err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil))
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{1, 2, 3}, nil)
	record := b.NewRecordBatch()
	defer record.Release()
	w := flight.NewRecordWriter(stream, ipc.WithSchema(record.Schema()))
	w.SetFlightDescriptor(dataset)
	_ = errors.Join(w.Write(record), w.Close(), stream.CloseSend()) // Recv tells why they failed
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
}

func get(ctx context.Context, client flight.Client) error {
	info, err := client.GetFlightInfo(ctx, dataset)
	if err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	rows := int64(0)
	for _, endpoint := range info.GetEndpoint() {
		stream, err := client.DoGet(ctx, endpoint.GetTicket())
		if err != nil {
			return fmt.Errorf("reading: %w", err)
		}
		r, err := flight.NewRecordReader(stream)
		if err != nil {
			return fmt.Errorf("reading: %w", err)
		}
		for r.Next() {
			rows += r.RecordBatch().NumRows()
		}
		err = r.Err()
		r.Release()
		if err != nil {
			return fmt.Errorf("reading: %w", err)
		}
	}
	if rows != 3 {
		return fmt.Errorf("read %d rows, wrote 3", rows)
	}
	return nil
}

// secretOf is what whoever mounts a token's Secret finds.
func secretOf(c *env.Cluster) (header string, roots []byte) {
	secret := c.Secret("prod-token-etl")
	return "Bearer " + string(secret.Data["token"]), secret.Data["ca.crt"]
}
