package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	gen "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	"github.com/flight-operator/flight-operator/flightserver/wire"
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
func serveFlight(t testing.TB, s flight.FlightServer, o Options) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Codec = wire.Codec()
	server := NewServer(o)
	gen.RegisterFlightServiceServer(server, s)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; !errors.Is(err, ErrStopped) {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// dialFlight connects a client whose DoGet hands out messages of any type.
func dialFlight(t testing.TB, address string, of credentials.TransportCredentials, options ...grpc.DialOption) flight.FlightServiceClient {
	t.Helper()
	connection, err := grpc.NewClient("passthrough:"+address, append(options, grpc.WithTransportCredentials(of), grpc.WithReadBufferSize(1<<20),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxMessageBytes)))...)
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
	stream, err := client.DoGet(ctx, &flight.Ticket{}, grpc.ForceCodecV2(discardCodec{wire.Codec()}))
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
