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
	"google.golang.org/grpc/encoding/gzip"
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
	_, address := serve(t, Options{MaxCalls: 100})
	c := dial(t, address)
	client := testgrpc.NewTestServiceClient(c)
	for name, run := range map[string]func(ctx context.Context, options ...grpc.CallOption){
		"empty_unary":      calls(interop.DoEmptyUnaryCall, client),
		"large_unary":      calls(interop.DoLargeUnaryCall, client),
		"client_streaming": calls(interop.DoClientStreaming, client),
		"server_streaming": calls(interop.DoServerStreaming, client),
		"ping_pong":        calls(interop.DoPingPong, client),
		"empty_stream":     calls(interop.DoEmptyStream, client),
		"timeout":          calls(interop.DoTimeoutOnSleepingServer, client),
		"cancel_begin":     calls(interop.DoCancelAfterBegin, client),
		"cancel_first":     calls(interop.DoCancelAfterFirstResponse, client),
		"status":           calls(interop.DoStatusCodeAndMessage, client),
		"special_status":   calls(interop.DoSpecialStatusMessage, client),
		"custom_metadata":  calls(interop.DoCustomMetadata, client),
		"unimplemented":    func(ctx context.Context, _ ...grpc.CallOption) { interop.DoUnimplementedMethod(ctx, c) },
		"unknown_service": func(ctx context.Context, _ ...grpc.CallOption) {
			interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(c))
		},
		"soak": func(ctx context.Context, _ ...grpc.CallOption) {
			interop.DoSoakTest(ctx, interop.SoakTestConfig{
				RequestSize: 271828, ResponseSize: 314159, NumWorkers: 4, Iterations: 40, ServerAddr: address,
				PerIterationMaxAcceptableLatency: patience, OverallTimeout: patience,
				ChannelForTest: func() (*grpc.ClientConn, func()) { return c, func() {} },
			})
		},
	} {
		t.Run(name, func(t *testing.T) { run(t.Context()) })
		t.Run(name+"/compressed", func(t *testing.T) { run(t.Context(), grpc.UseCompressor(gzip.Name)) })
	}
}

// calls binds a case to a client.
func calls(of func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption), client testgrpc.TestServiceClient) func(context.Context, ...grpc.CallOption) {
	return func(ctx context.Context, options ...grpc.CallOption) { of(ctx, client, options...) }
}
