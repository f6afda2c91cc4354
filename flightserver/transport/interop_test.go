package transport

import (
	"context"
	"errors"
	"net"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip"  // what the cases of compression use
	_ "google.golang.org/grpc/encoding/proto" // the codec
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve has a server with gRPC's interoperability service until the test ends.
func serve(t testing.TB, o Options) (s *Server, address string) {
	t.Helper()
	s = newTestServer(o)
	testgrpc.RegisterTestServiceServer(s, interop.NewTestServer())
	return s, serveOn(t, s, listen(t))
}

// newTestServer makes a server of messages of protobuf.
func newTestServer(o Options) *Server {
	if o.Credentials == nil {
		o.Credentials = insecure.NewCredentials()
	}
	o.Codec = encoding.GetCodecV2("proto")
	return NewServer(o)
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serveOn serves until the test ends.
func serveOn(t testing.TB, s *Server, l net.Listener) (address string) {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-served; !errors.Is(err, ErrStopped) {
			t.Errorf("Serve() = %v", err)
		}
	})
	return l.Addr().String()
}

func dial(t testing.TB, address string, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient(address, append([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestInteroperability runs gRPC's interoperability tests with grpc-go's client.
func TestInteroperability(t *testing.T) {
	_, address := serve(t, Options{})
	c := dial(t, address)
	client := testgrpc.NewTestServiceClient(c)
	for name, run := range map[string]func(ctx context.Context){
		"empty_unary":      func(ctx context.Context) { interop.DoEmptyUnaryCall(ctx, client) },
		"large_unary":      func(ctx context.Context) { interop.DoLargeUnaryCall(ctx, client) },
		"client_streaming": func(ctx context.Context) { interop.DoClientStreaming(ctx, client) },
		"server_streaming": func(ctx context.Context) { interop.DoServerStreaming(ctx, client) },
		"ping_pong":        func(ctx context.Context) { interop.DoPingPong(ctx, client) },
		"empty_stream":     func(ctx context.Context) { interop.DoEmptyStream(ctx, client) },
		"timeout":          func(ctx context.Context) { interop.DoTimeoutOnSleepingServer(ctx, client) },
		"cancel_begin":     func(ctx context.Context) { interop.DoCancelAfterBegin(ctx, client) },
		"cancel_first":     func(ctx context.Context) { interop.DoCancelAfterFirstResponse(ctx, client) },
		"status":           func(ctx context.Context) { interop.DoStatusCodeAndMessage(ctx, client) },
		"special_status":   func(ctx context.Context) { interop.DoSpecialStatusMessage(ctx, client) },
		"custom_metadata":  func(ctx context.Context) { interop.DoCustomMetadata(ctx, client) },
		"unimplemented":    func(ctx context.Context) { interop.DoUnimplementedMethod(ctx, c) },
		"unknown_service": func(ctx context.Context) {
			interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(c))
		},
	} {
		t.Run(name, func(t *testing.T) { run(t.Context()) })
	}
}
