package peers

import (
	"context"
	"net"
	"slices"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

	"github.com/flight-operator/flight-operator/test/bench/raw"
)

const (
	// opaqueMessage is the size of a message: that of a large record batch.
	opaqueMessage = 4 << 20
	// wireBuffer is what grpc-go needs to write more than two frames at once.
	wireBuffer = 1 << 20

	// UnaryMethod answers with a KiB: the least that a call can take.
	UnaryMethod = "/bench.Raw/Unary"
)

// serveOpaque serves DoGet with the pages of a file, no Arrow in them that gRPC
// or this server would know of, and a unary call.
func serveOpaque(dir string, listener net.Listener, options ...grpc.ServerOption) error {
	files := &mappedFiles{dir: dir, pages: map[string][]byte{}}
	options = append(options, grpc.ForceServerCodecV2(raw.NewCodec()), grpc.WriteBufferSize(wireBuffer))
	server := grpc.NewServer(options...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "arrow.flight.protocol.FlightService",
		Streams: []grpc.StreamDesc{{
			StreamName:    "DoGet",
			ServerStreams: true,
			Handler:       func(_ any, stream grpc.ServerStream) error { return files.send(stream) },
		}},
	}, nil)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "bench.Raw",
		Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: answerUnary}},
	}, nil)
	return server.Serve(listener)
}

// mappedFiles stay mapped: gRPC writes a message after SendMsg has returned.
type mappedFiles struct {
	dir string

	mu    sync.Mutex
	pages map[string][]byte
}

func (f *mappedFiles) open(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if pages, ok := f.pages[name]; ok {
		return pages, nil
	}
	pages, _, err := mapFile(path(f.dir, name))
	if err == nil {
		f.pages[name] = pages
	}
	return pages, err
}

func (f *mappedFiles) send(stream grpc.ServerStream) error {
	ticket := &flight.Ticket{}
	if err := stream.RecvMsg(ticket); err != nil {
		return err
	}
	pages, err := f.open(string(ticket.GetTicket()))
	if err != nil {
		return err
	}
	for part := range slices.Chunk(pages, opaqueMessage) {
		if err := stream.SendMsg(&raw.Message{Buffers: mem.BufferSlice{mem.SliceBuffer(part)}}); err != nil {
			return err
		}
	}
	return nil
}

var unaryAnswer = make([]byte, 1<<10)

//nolint:revive // gRPC's order of arguments
func answerUnary(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	if err := decode(&flight.Ticket{}); err != nil {
		return nil, err
	}
	return &raw.Message{Buffers: mem.BufferSlice{mem.SliceBuffer(unaryAnswer)}}, nil
}
