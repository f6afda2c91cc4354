package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/onsi/gomega"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/peer"

	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// transport is how a test's server and client secure what they send.
type transport struct {
	server, client credentials.TransportCredentials
}

func transports(t testing.TB) map[string]transport {
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
	return map[string]transport{
		"Plain":   {insecure.NewCredentials(), insecure.NewCredentials()},
		"TLS":     {serverTLS, credentials.NewTLS(ca.Client(t, &client))},
		"TLS 1.2": {serverTLS, credentials.NewTLS(old)},
	}
}

// counting is memory that knows how often it is retained.
type counting struct{ held atomic.Int64 }

func (m *counting) Retain()  { m.held.Add(1) }
func (m *counting) Release() { m.held.Add(-1) }

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
	for name, transport := range transports(t) {
		t.Run(name, func(t *testing.T) {
			memory := &counting{}
			content := pattern(5 << 20)
			sizes := []int{0, 1, 1024, lentBytes - 1, lentBytes, lentBytes + 1, 16<<10 - 5, 16 << 10, 1 << 20, 5<<20 - 3}
			get := func(stream flight.FlightService_DoGetServer) error {
				for _, n := range sizes {
					third := n / 3
					body := [][]byte{content[:third], content[third : 2*third], content[2*third : n]}
					if err := stream.SendMsg(&Outgoing{Header: content[:9], AppMetadata: content[:3], Body: body, Memory: memory}); err != nil {
						return err
					}
				}
				return nil
			}
			client := dialFlight(t, serveFlight(t, &service{get: get}, wireOptions(t, transport.server)...), transport.client)
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
			waitReleased(t, memory)
		})
	}
}

// waitReleased waits for the writers to let go of what was sent, and for the
// collector to find what gRPC dropped.
func waitReleased(t *testing.T, memory *counting) {
	t.Helper()
	gomega.NewWithT(t).Eventually(func() int64 {
		runtime.GC()
		return memory.held.Load() + int64(len(lent.load()))
	}, "20s").Should(gomega.BeZero())
}

func TestManySmallCalls(t *testing.T) {
	for name, transport := range transports(t) {
		t.Run(name, func(t *testing.T) {
			get := func(stream flight.FlightService_DoGetServer) error {
				return stream.SendMsg(&Outgoing{Header: []byte("header"), Body: [][]byte{[]byte("body")}})
			}
			client := dialFlight(t, serveFlight(t, &service{get: get}, wireOptions(t, transport.server)...), transport.client)
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
	transport := transports(t)["TLS"]
	client := dialFlight(t, serveFlight(t, &service{get: get}, wireOptions(t, transport.server)...), transport.client)
	if _, err := drain(client); err != nil || name != "client" {
		t.Errorf("drain() = %v, the handler saw %q", err, name)
	}
}

// TestFailingVolume sends from a file that loses its end under its mapping,
// where reading is a fault. The connection is lost, and the server lives.
func TestFailingVolume(t *testing.T) {
	for name, transport := range transports(t) {
		t.Run(name, func(t *testing.T) {
			const size = 8 << 20
			m := mapFile(t, size)
			if err := os.Truncate(m.file, size/2); err != nil {
				t.Fatal(err)
			}
			body := m.bytes
			get := func(stream flight.FlightService_DoGetServer) error {
				return stream.SendMsg(&Outgoing{Header: []byte("header"), Body: [][]byte{body}, Memory: m})
			}
			client := dialFlight(t, serveFlight(t, &service{get: get}, wireOptions(t, transport.server)...), transport.client)
			if n, err := drain(client); err == nil {
				t.Errorf("%d bytes arrived of a file that has fewer", n)
			}
			body = m.bytes[:size/4]
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
			m := mapFile(t, size)
			if err := os.Truncate(m.file, size/2); err != nil {
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
			if fault := guard(func() { written = writeRecords(secured, [][]byte{m.bytes}) }); !errors.Is(fault, errFault) {
				t.Errorf("guard() = %v, writeRecords() = %v", fault, written)
			}
			server.Close()
			reading.Wait()
		})
	}
}

// TestFaultsOfSmallParts come in the call: they are copied there.
func TestFaultsOfSmallParts(t *testing.T) {
	m := mapFile(t, 1<<20)
	if err := os.Truncate(m.file, 0); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]*Outgoing{
		"Header": {Header: m.bytes[:100], Memory: m},
		"Body":   {Body: [][]byte{m.bytes[:100]}, Memory: m},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Codec().Marshal(o); !errors.Is(err, errFault) {
				t.Errorf("Marshal() = %v", err)
			}
		})
	}
}

// TestSlowReader is held up by itself: what waits for it is bounded.
func TestSlowReader(t *testing.T) {
	server, reader := net.Pipe()
	written := atomic.Int64{}
	var writers sync.WaitGroup
	c := newPlainConn(server, &writers)
	var writing sync.WaitGroup
	writing.Go(func() {
		block := make([]byte, 16<<10)
		for {
			if _, err := c.Write(block); err != nil {
				return
			}
			written.Add(int64(len(block)))
		}
	})
	if _, err := io.ReadFull(reader, make([]byte, 4<<20)); err != nil {
		t.Fatal(err)
	}
	if n := written.Load(); n > 4<<20+3*pendingBytes {
		t.Errorf("%d bytes were taken for a reader of %d", n, 4<<20)
	}
	reader.Close()
	writing.Wait() // the writer learns of it
	if _, err := c.Write([]byte("x")); err == nil {
		t.Error("a lost connection takes more")
	}
	c.Close()
	writers.Wait()
}

// TestCloseFlushes: gRPC closes right behind its last words.
func TestCloseFlushes(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	c := newPlainConn(accepted, &writers)
	last := pattern(900 << 10)
	if _, err := c.Write(last); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(last); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write() after Close = %v", err)
	}
	got, err := io.ReadAll(client)
	if err != nil || string(got) != string(last) {
		t.Errorf("%d bytes arrived of %d, %v", len(got), len(last), err)
	}
	writers.Wait()
}

// TestCloseOfHalfDeadPeer does not wait for who reads nothing.
func TestCloseOfHalfDeadPeer(t *testing.T) {
	server, silent := net.Pipe()
	defer silent.Close()
	var writers sync.WaitGroup
	c := newPlainConn(server, &writers)
	if _, err := c.Write([]byte("nobody reads this")); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	writers.Wait() // lingerTime ends it
}

// TestClientLeavesInTheMiddle of large streams, of which nothing stays behind.
func TestClientLeavesInTheMiddle(t *testing.T) {
	for name, transport := range transports(t) {
		t.Run(name, func(t *testing.T) {
			memory := &counting{}
			body := make([]byte, 1<<20)
			get := func(stream flight.FlightService_DoGetServer) error {
				for {
					if err := stream.SendMsg(&Outgoing{Header: []byte("header"), Body: [][]byte{body}, Memory: memory}); err != nil {
						return err
					}
				}
			}
			address := serveFlight(t, &service{get: get}, append(wireOptions(t, transport.server), grpc.WaitForHandlers(true))...)
			client := dialFlight(t, address, transport.client)
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
			waitReleased(t, memory)
		})
	}
}
