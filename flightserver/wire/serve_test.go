package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
)

// service answers DoGet as a test wants it.
type service struct {
	flight.BaseFlightServer
	get func(flight.FlightService_DoGetServer) error
}

func (s *service) DoGet(_ *flight.Ticket, stream flight.FlightService_DoGetServer) error {
	return s.get(stream)
}

// serveFlight serves on loopback until the test ends, and gives the address.
func serveFlight(t testing.TB, s flight.FlightServer, options ...grpc.ServerOption) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(options...)
	flight.RegisterFlightServiceServer(server, s)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// wireOptions are those that the package asks for.
func wireOptions(t testing.TB, of credentials.TransportCredentials) []grpc.ServerOption {
	var writers sync.WaitGroup
	t.Cleanup(writers.Wait)
	return []grpc.ServerOption{grpc.ForceServerCodecV2(Codec()), grpc.Creds(NewCredentials(of, &writers)), grpc.WriteBufferSize(0)}
}

// dialFlight connects a client whose DoGet hands out messages of any type.
func dialFlight(t testing.TB, address string, of credentials.TransportCredentials, options ...grpc.DialOption) flight.FlightServiceClient {
	t.Helper()
	connection, err := grpc.NewClient("passthrough:"+address, append(options, grpc.WithTransportCredentials(of), grpc.WithReadBufferSize(1<<20),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessageBytes)))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return flight.NewFlightServiceClient(connection)
}

// discard counts the bytes of a message and lets go of them.
type discard struct{ bytes int }

type discardCodec struct{ encoding.CodecV2 }

func (c discardCodec) Unmarshal(data mem.BufferSlice, v any) error {
	if d, ok := v.(*discard); ok {
		d.bytes += data.Len()
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}

// drain reads a DoGet to its end.
func drain(client flight.FlightServiceClient) (int, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := client.DoGet(ctx, &flight.Ticket{}, grpc.ForceCodecV2(discardCodec{Codec()}))
	if err != nil {
		return 0, err
	}
	var d discard
	for {
		if err := stream.RecvMsg(&d); errors.Is(err, io.EOF) {
			return d.bytes, nil
		} else if err != nil {
			return d.bytes, err
		}
	}
}

// mapped is a file in memory.
type mapped struct {
	file  string
	bytes []byte
}

func (m *mapped) Retain()  {}
func (m *mapped) Release() {}

func mapFile(t testing.TB, size int) *mapped {
	t.Helper()
	name := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	bytes, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(bytes); err != nil {
			t.Error(err)
		}
	})
	return &mapped{name, bytes}
}
