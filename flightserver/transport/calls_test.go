package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// handled is a client's stream of a server whose method is handler.
func handled(t *testing.T, o Options, handler func(grpc.ServerStream) error) func(context.Context) (grpc.ClientStream, error) {
	t.Helper()
	s := newTestServer(o)
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "Handled", Streams: []grpc.StreamDesc{{
		StreamName: "Stream", ClientStreams: true, ServerStreams: true,
		Handler: func(_ any, stream grpc.ServerStream) error { return handler(stream) },
	}}}, nil)
	c := dial(t, serveOn(t, s, listen(t)), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	return func(ctx context.Context) (grpc.ClientStream, error) {
		return c.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/Handled/Stream")
	}
}

// end gives the error that a call ends with.
func end(t *testing.T, call func(context.Context) (grpc.ClientStream, error)) error {
	t.Helper()
	stream, err := call(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stream.RecvMsg(&testgrpc.SimpleResponse{})
}

// TestStatuses arrive with their text, whatever it is, and their details.
func TestStatuses(t *testing.T) {
	detailed, err := status.New(codes.ResourceExhausted, "full").WithDetails(&errdetails.QuotaFailure{
		Violations: []*errdetails.QuotaFailure_Violation{{Subject: "Größe"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ says, want error }{
		"none":         {nil, io.EOF},
		"ASCII":        {status.Error(codes.NotFound, "no 50% of it\r\n"), status.Error(codes.NotFound, "no 50% of it\r\n")},
		"other text":   {status.Error(codes.Aborted, "Größe 数 \x00"), status.Error(codes.Aborted, "Größe 数 \x00")},
		"no UTF-8":     {status.Error(codes.Internal, "a\xffb"), status.Error(codes.Internal, "a\uFFFDb")},
		"details":      {detailed.Err(), detailed.Err()},
		"wrapped":      {fmt.Errorf("wrapped: %w", status.Error(codes.NotFound, "it")), status.Error(codes.NotFound, "wrapped: rpc error: code = NotFound desc = it")},
		"no status":    {errors.New("text"), status.Error(codes.Unknown, "text")},
		"of a context": {context.DeadlineExceeded, status.Error(codes.DeadlineExceeded, "context deadline exceeded")},
	} {
		t.Run(name, func(t *testing.T) {
			call := handled(t, Options{}, func(grpc.ServerStream) error { return row.says })
			if err := end(t, call); !errors.Is(err, row.want) {
				t.Errorf("%v, not %v", err, row.want)
			}
		})
	}
}

// TestMetadata goes both ways, as text and as bytes, and in the order of its
// values.
func TestMetadata(t *testing.T) {
	sent := metadata.MD{"text": {"a", "b, c", ""}, "any-bin": {"\x00\xff", "", "ab"}, "long": {strings.Repeat("x", 20_000)}}
	call := handled(t, Options{MaxHeaderListBytes: 32 << 10}, func(stream grpc.ServerStream) error {
		got, _ := metadata.FromIncomingContext(stream.Context())
		ours := metadata.MD{}
		for name := range sent {
			ours[name] = got[name]
		}
		if err := errors.Join(grpc.SetHeader(stream.Context(), ours), stream.SetHeader(metadata.Pairs("grpc-status", "7")), stream.SendHeader(nil)); err != nil {
			return err
		}
		if err := stream.SetHeader(ours); status.Code(err) != codes.Internal {
			t.Errorf("SetHeader() = %v, behind the header", err)
		}
		if err := stream.SendHeader(nil); err == nil {
			t.Error("the header was sent twice")
		}
		return grpc.SetTrailer(stream.Context(), ours)
	})
	ctx := metadata.NewOutgoingContext(t.Context(), sent)
	stream, err := call(ctx)
	if err != nil {
		t.Fatal(err)
	}
	header, err := stream.Header()
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(&testgrpc.Empty{}); !errors.Is(err, io.EOF) {
		t.Errorf("RecvMsg() = %v", err)
	}
	delete(header, "content-type")
	if diff := cmp.Diff(sent, header) + cmp.Diff(sent, stream.Trailer()); diff != "" {
		t.Error(diff)
	}
}

// TestMoreCallsThanAtOnce wait for their turn at the client.
func TestMoreCallsThanAtOnce(t *testing.T) {
	_, address := serve(t, Options{MaxCalls: 3})
	client := testgrpc.NewTestServiceClient(dial(t, address))
	var calling sync.WaitGroup
	for range 200 {
		calling.Go(func() {
			if _, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{ResponseSize: 100}); err != nil {
				t.Error(err)
			}
		})
	}
	calling.Wait()
}

// TestLargeMessages are larger than any window.
func TestLargeMessages(t *testing.T) {
	call := handled(t, Options{}, func(stream grpc.ServerStream) error {
		var m testgrpc.SimpleRequest
		for {
			if err := stream.RecvMsg(&m); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if err := stream.SendMsg(&m); err != nil {
				return err
			}
		}
	})
	stream, err := call(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := &testgrpc.SimpleRequest{Payload: &testgrpc.Payload{Body: pattern(40 << 20)}}
	var got testgrpc.SimpleRequest
	if err := errors.Join(stream.SendMsg(m), stream.CloseSend(), stream.RecvMsg(&got)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.GetPayload().GetBody(), got.GetPayload().GetBody()) {
		t.Error("another message came back")
	}
}

// TestHalfMessage is what is left of a message whose call ends: its status
// follows. The connection is as good as before.
func TestHalfMessage(t *testing.T) {
	left := make(chan struct{})
	s := newTestServer(Options{})
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "Half", Streams: []grpc.StreamDesc{{
		StreamName: "Stream", ServerStreams: true,
		Handler: func(_ any, stream grpc.ServerStream) error {
			go func() {
				defer close(left)
				body := &testgrpc.SimpleResponse{Username: strings.Repeat("x", 2*firstWindow)}
				if err := stream.SendMsg(body); status.Code(err) != codes.Canceled {
					t.Errorf("SendMsg() = %v", err)
				}
			}()
			c := stream.(*call)
			until(t, "a window that is full", func() bool {
				c.conn.mu.Lock()
				defer c.conn.mu.Unlock()
				return c.window == 0
			})
			return status.Error(codes.Unavailable, "there is no memory")
		},
	}}}, nil)
	c := dialRaw(t, serveOn(t, s, listen(t)))
	c.begin(1, header{":path": "/Half/Stream"})
	if got, want := c.answer(1), fmt.Sprintf("200 status 14, %d bytes", firstWindow); got != want {
		t.Errorf("%q, not %q", got, want)
	}
	<-left
	c.do(c.WriteWindowUpdate(0, firstWindow))
	c.begin(3, header{":path": "/nothing"})
	if got := c.answer(3); got != "200 status 12, 0 bytes" {
		t.Error(got)
	}
}

// TestInterceptors are called outermost first, around both kinds of methods.
func TestInterceptors(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, what)
	}
	unary := func(name string) grpc.UnaryServerInterceptor {
		return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			note(name + info.FullMethod)
			return next(ctx, req)
		}
	}
	stream := func(name string) grpc.StreamServerInterceptor {
		return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			note(name + info.FullMethod)
			if method, _ := grpc.MethodFromServerStream(stream); method != info.FullMethod {
				t.Errorf("the method is %q", method)
			}
			return next(srv, stream)
		}
	}
	_, address := serve(t, Options{
		Unary:  []grpc.UnaryServerInterceptor{unary("1"), unary("2")},
		Stream: []grpc.StreamServerInterceptor{stream("1"), stream("2")},
	})
	client := testgrpc.NewTestServiceClient(dial(t, address))
	if _, err := client.EmptyCall(t.Context(), &testgrpc.Empty{}); err != nil {
		t.Error(err)
	}
	replies, err := client.StreamingOutputCall(t.Context(), &testgrpc.StreamingOutputCallRequest{})
	if err == nil {
		_, err = replies.Recv()
	}
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	want := []string{
		"1/grpc.testing.TestService/EmptyCall", "2/grpc.testing.TestService/EmptyCall",
		"1/grpc.testing.TestService/StreamingOutputCall", "2/grpc.testing.TestService/StreamingOutputCall",
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

// TestMessagesThatAreNone are an error of the handler's, which the client sees.
func TestMessagesThatAreNone(t *testing.T) {
	call := handled(t, Options{}, func(stream grpc.ServerStream) error { return stream.SendMsg("text") })
	if err := end(t, call); status.Code(err) != codes.Internal {
		t.Error(err)
	}
}

func TestRegisterService(t *testing.T) {
	s := newTestServer(Options{})
	testgrpc.RegisterTestServiceServer(s, testgrpc.UnimplementedTestServiceServer{})
	info := s.GetServiceInfo()["grpc.testing.TestService"]
	if !slices.Contains(info.Methods, grpc.MethodInfo{Name: "FullDuplexCall", IsClientStream: true, IsServerStream: true}) {
		t.Errorf("GetServiceInfo() = %v", info)
	}
	for name, register := range map[string]func(){
		"twice":        func() { testgrpc.RegisterTestServiceServer(s, testgrpc.UnimplementedTestServiceServer{}) },
		"another type": func() { s.RegisterService(&testgrpc.UnimplementedService_ServiceDesc, "text") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it was taken")
				}
			}()
			register()
		})
	}
}

// outOfFiles is a listener that cannot accept, for the moment or for good.
type outOfFiles struct {
	net.Listener
	errs []error
}

func (l *outOfFiles) Accept() (net.Conn, error) {
	if len(l.errs) == 0 {
		return l.Listener.Accept()
	}
	err := l.errs[0]
	l.errs = l.errs[1:]
	return nil, err
}

func TestListenerFails(t *testing.T) {
	passing := &net.OpError{Err: os.NewSyscallError("accept", syscall.EMFILE)}
	s := newTestServer(Options{})
	address := serveOn(t, s, &outOfFiles{listen(t), []error{passing, passing}})
	c := dialRaw(t, address)
	c.begin(1, header{":path": "/nothing"})
	if got := c.answer(1); got != "200 status 12, 0 bytes" {
		t.Error(got)
	}
	broken := errors.New("broken")
	if err := s.Serve(&outOfFiles{listen(t), []error{broken}}); !errors.Is(err, broken) {
		t.Errorf("Serve() = %v", err)
	}
}
