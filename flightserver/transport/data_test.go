package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/peer"

	"github.com/flight-operator/flight-operator/flightserver/fault"
	"github.com/flight-operator/flight-operator/flightserver/fault/faulttest"
	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// security is how a test's server and client secure what they send.
type security struct {
	server, client credentials.TransportCredentials
}

func securities(t testing.TB) map[string]security {
	t.Helper()
	ca := tlstest.NewCA(t)
	pair := ca.Issue(t, "server")
	certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	client := ca.Issue(t, "client")
	old := ca.Client(t, &client)
	old.MaxVersion = tls.VersionTLS12 // it encrypts from where the bytes lie
	serverTLS := credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAnyClientCert})
	return map[string]security{
		"Plain":   {insecure.NewCredentials(), insecure.NewCredentials()},
		"TLS":     {serverTLS, credentials.NewTLS(ca.Client(t, &client))},
		"TLS 1.2": {serverTLS, credentials.NewTLS(old)},
	}
}

// pattern is bytes that differ wherever they are cut.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

// TestBodiesArrive sends bodies of all sizes, whole and in pieces.
func TestBodiesArrive(t *testing.T) {
	for name, by := range securities(t) {
		t.Run(name, func(t *testing.T) {
			content := pattern(5 << 20)
			sizes := []int{0, 1, 1024, smallBytes - 1, smallBytes, smallBytes + 1, 16<<10 - 5, 16 << 10, 1 << 20, 5<<20 - 3}
			get := func(stream flight.FlightService_DoGetServer) error {
				for _, n := range sizes {
					third := n / 3
					body := [][]byte{content[:third], content[third : 2*third], content[2*third : n]}
					if err := stream.SendMsg(&wire.Outgoing{Header: content[:9], AppMetadata: content[:3], Body: body}); err != nil {
						return err
					}
				}
				return nil
			}
			client := dialFlight(t, serveFlight(t, &service{get: get}, Options{Credentials: by.server}), by.client)
			stream, err := client.DoGet(t.Context(), &flight.Ticket{})
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range sizes {
				m, err := stream.Recv()
				if err != nil {
					t.Fatal(err)
				}
				if string(m.DataHeader) != string(content[:9]) || string(m.AppMetadata) != string(content[:3]) || string(m.DataBody) != string(content[:n]) {
					t.Fatalf("a body of %d bytes arrived as another one of %d", n, len(m.DataBody))
				}
			}
			if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
				t.Errorf("Recv() = %v", err)
			}
		})
	}
}

func TestManySmallCalls(t *testing.T) {
	for name, by := range securities(t) {
		t.Run(name, func(t *testing.T) {
			get := func(stream flight.FlightService_DoGetServer) error {
				return stream.SendMsg(&wire.Outgoing{Header: []byte("header"), Body: [][]byte{[]byte("body")}})
			}
			client := dialFlight(t, serveFlight(t, &service{get: get}, Options{Credentials: by.server}), by.client)
			var calls sync.WaitGroup
			for range 1000 {
				calls.Go(func() {
					if n, err := drain(client); err != nil || n == 0 {
						t.Errorf("drain() = %d, %v", n, err)
					}
				})
			}
			calls.Wait()
		})
	}
}

// TestPeerCertificate is seen by handlers as without the package.
func TestPeerCertificate(t *testing.T) {
	name := ""
	get := func(stream flight.FlightService_DoGetServer) error {
		p, _ := peer.FromContext(stream.Context())
		name = p.AuthInfo.(credentials.TLSInfo).State.PeerCertificates[0].Subject.CommonName
		return nil
	}
	by := securities(t)["TLS"]
	client := dialFlight(t, serveFlight(t, &service{get: get}, Options{Credentials: by.server}), by.client)
	if _, err := drain(client); err != nil || name != "client" {
		t.Errorf("drain() = %v, the handler saw %q", err, name)
	}
}

// TestFailingVolume sends from a file that loses its end under its mapping,
// where reading is a fault. The connection is lost, and the server lives.
func TestFailingVolume(t *testing.T) {
	for name, by := range securities(t) {
		t.Run(name, func(t *testing.T) {
			const size = 8 << 20
			m := faulttest.Map(t, size)
			if err := os.Truncate(m.File, size/2); err != nil {
				t.Fatal(err)
			}
			body := m.Bytes
			get := func(stream flight.FlightService_DoGetServer) error {
				return stream.SendMsg(&wire.Outgoing{Header: []byte("header"), Body: [][]byte{body}})
			}
			client := dialFlight(t, serveFlight(t, &service{get: get}, Options{Credentials: by.server}), by.client)
			if n, err := drain(client); err == nil {
				t.Errorf("%d bytes arrived of a file that has fewer", n)
			}
			body = m.Bytes[:size/4]
			if n, err := drain(client); err != nil || n < size/4 {
				t.Errorf("after the fault: %d bytes, %v", n, err)
			}
		})
	}
}

// TestFaultsUnderEncryption come where whole records are encrypted from the
// mapping, in the middle of TLS.
func TestFaultsUnderEncryption(t *testing.T) {
	ca := tlstest.NewCA(t)
	pair := ca.Issue(t, "server")
	certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			const size = 8 << 20
			m := faulttest.Map(t, size)
			if err := os.Truncate(m.File, size/2); err != nil {
				t.Fatal(err)
			}
			server, client := net.Pipe()
			secured := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{certificate}, MaxVersion: version})
			var reading sync.WaitGroup
			reading.Go(func() {
				config := ca.Client(t, nil)
				config.ServerName = "127.0.0.1"
				if n, _ := io.Copy(io.Discard, tls.Client(client, config)); n == 0 || n > size/2 {
					t.Errorf("%d bytes arrived", n)
				}
			})
			var written error
			if failed := fault.Guard(func() { written = writeRecords(secured, [][]byte{m.Bytes}) }); !errors.Is(failed, fault.Err) {
				t.Errorf("Guard() = %v, writeRecords() = %v", failed, written)
			}
			server.Close()
			reading.Wait()
		})
	}
}

// TestClientLeavesInTheMiddle of large streams, of which nothing stays behind.
func TestClientLeavesInTheMiddle(t *testing.T) {
	for name, by := range securities(t) {
		t.Run(name, func(t *testing.T) {
			body := make([]byte, 1<<20)
			get := func(stream flight.FlightService_DoGetServer) error {
				for {
					if err := stream.SendMsg(&wire.Outgoing{Header: []byte("header"), Body: [][]byte{body}}); err != nil {
						return err
					}
				}
			}
			address := serveFlight(t, &service{get: get}, Options{Credentials: by.server})
			client := dialFlight(t, address, by.client)
			var leaving sync.WaitGroup
			for range 8 {
				leaving.Go(func() {
					ctx, leave := context.WithCancel(t.Context())
					defer leave()
					stream, err := client.DoGet(ctx, &flight.Ticket{})
					for range 3 {
						if err == nil {
							_, err = stream.Recv()
						}
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			leaving.Wait()
		})
	}
}
