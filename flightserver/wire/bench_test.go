package wire

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	benchMessage = 2 << 20
	benchStream  = 256 << 20
)

func sendMapped(m *mapped) func(flight.FlightService_DoGetServer) error {
	return func(stream flight.FlightService_DoGetServer) error {
		for at := 0; at < benchStream; at += benchMessage {
			from := at % len(m.bytes)
			o := &Outgoing{Header: make([]byte, 500), Body: [][]byte{m.bytes[from : from+benchMessage]}, Memory: m}
			if err := stream.SendMsg(o); err != nil {
				return err
			}
		}
		return nil
	}
}

func BenchmarkDoGet(b *testing.B) {
	m := mapFile(b, 128<<20)
	stock := []grpc.ServerOption{grpc.ForceServerCodecV2(Codec()), grpc.WriteBufferSize(1 << 20)}
	plain := insecure.NewCredentials()
	b.Run("TCP", func(b *testing.B) { benchTCP(b, m) })
	b.Run("Wire", func(b *testing.B) { benchDoGet(b, m, wireOptions(b, plain)) })
	b.Run("Stock", func(b *testing.B) { benchDoGet(b, m, stock) })
}

func benchDoGet(b *testing.B, m *mapped, options []grpc.ServerOption) {
	client := dialFlight(b, serveFlight(b, &service{get: sendMapped(m)}, options...), insecure.NewCredentials())
	if _, err := drain(client); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(benchStream)
	for b.Loop() {
		if _, err := drain(client); err != nil {
			b.Fatal(err)
		}
	}
}

func benchTCP(b *testing.B, m *mapped) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			for at := 0; at < benchStream; at += benchMessage {
				from := at % len(m.bytes)
				if _, err := c.Write(m.bytes[from : from+benchMessage]); err != nil {
					return
				}
			}
			c.Close()
		}
	}()
	buf := make([]byte, 1<<20)
	b.SetBytes(benchStream)
	for b.Loop() {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		for {
			if _, err := c.Read(buf); errors.Is(err, io.EOF) {
				break
			}
		}
		c.Close()
	}
}
