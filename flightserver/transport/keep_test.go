package transport

import (
	"context"
	"errors"
	"io"
	"math"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// next reads until a frame of this type comes.
func next[F http2.Frame](c *rawClient) F {
	c.t.Helper()
	for {
		f, err := c.ReadFrame()
		if err != nil {
			c.t.Fatalf("waiting for a %T: %v", *new(F), err)
		}
		if wanted, ok := f.(F); ok {
			return wanted
		}
	}
}

// nextPing gives the next one that the server asks with.
func (c *rawClient) nextPing() *http2.PingFrame {
	for {
		if p := next[*http2.PingFrame](c); !p.IsAck() {
			return p
		}
	}
}

func TestKeepaliveOfOneWhoAnswers(t *testing.T) {
	_, address := serve(t, Options{Keepalive: keepalive.ServerParameters{Time: time.Millisecond, Timeout: patience}})
	c := dialRaw(t, address)
	for range 5 {
		c.do(c.WritePing(true, c.nextPing().Data))
	}
	c.unary(1, 10)
	if got := c.answer(1); got != "200 status 0, 19 bytes" {
		t.Error(got)
	}
}

func TestKeepaliveOfOneWhoIsGone(t *testing.T) {
	_, w, address := serveWaiting(t, Options{Keepalive: keepalive.ServerParameters{Time: time.Millisecond, Timeout: time.Millisecond}})
	c := dialRaw(t, address)
	c.begin(1, waits)
	if got := c.answer(1); got != "closed" {
		t.Error(got)
	}
	until(t, "the end of the call", func() bool { return w.running.Load() == 0 })
}

// TestAge follows a connection that is too old to its end: calls that the client
// began before it could know are taken, later ones are not, and none fails.
func TestAge(t *testing.T) {
	_, address := serve(t, Options{Keepalive: keepalive.ServerParameters{MaxConnectionAge: time.Millisecond}})
	c := dialRaw(t, address)
	c.begin(1, header{":path": "/grpc.testing.TestService/FullDuplexCall"})
	if away := next[*http2.GoAwayFrame](c); away.LastStreamID != math.MaxInt32 || away.ErrCode != http2.ErrCodeNo {
		t.Fatalf("the first word is %v", away)
	}
	ping := c.nextPing().Data
	c.unary(3, 10) // as if it had been on its way
	if got := c.answer(3); got != "200 status 0, 19 bytes" {
		t.Errorf("a call on its way: %s", got)
	}
	c.do(c.WritePing(true, ping))
	if away := next[*http2.GoAwayFrame](c); away.LastStreamID != 3 {
		t.Fatalf("the last word is %v", away)
	}
	c.unary(5, 10)
	if got := c.answer(5); got != "RST_STREAM REFUSED_STREAM" {
		t.Errorf("a call that is too late: %s", got)
	}
	c.do(c.WriteData(1, true, nil))
	if got := c.answer(1); got != "200 status 0, 0 bytes" {
		t.Errorf("a call in flight: %s", got)
	}
	if _, err := io.Copy(io.Discard, c.Conn); err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestAgeAndGrace(t *testing.T) {
	_, w, address := serveWaiting(t, Options{Keepalive: keepalive.ServerParameters{
		MaxConnectionAge: time.Millisecond, MaxConnectionAgeGrace: time.Millisecond,
	}})
	c := dialRaw(t, address)
	c.begin(1, waits)
	if got := c.answer(1); got != "closed" {
		t.Error(got)
	}
	until(t, "the end of the call", func() bool { return w.running.Load() == 0 })
}

// TestAgeOfOneWhoDoesNotAnswer is that of a client that ignores the ping.
func TestAgeOfOneWhoDoesNotAnswer(t *testing.T) {
	t.Parallel()
	_, address := serve(t, Options{Keepalive: keepalive.ServerParameters{MaxConnectionAge: time.Millisecond}})
	c := dialRaw(t, address)
	for _, want := range []uint32{math.MaxInt32, 0} {
		if away := next[*http2.GoAwayFrame](c); away.LastStreamID != want {
			t.Errorf("GOAWAY is %v, not of %d", away, want)
		}
	}
}

// TestNoCallFailsOfAge uses connections that grow old all the time.
func TestNoCallFailsOfAge(t *testing.T) {
	watched := &counter{}
	_, address := serve(t, Options{Stats: watched, Keepalive: keepalive.ServerParameters{MaxConnectionAge: time.Millisecond}})
	client := testgrpc.NewTestServiceClient(dial(t, address))
	var calling sync.WaitGroup
	for range 4 {
		calling.Go(func() {
			for watched.connections.Load() < 10 && !t.Failed() {
				if _, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{ResponseSize: 1 << 17}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	calling.Wait()
}

// TestGracefulStop waits for a call whose client reads slowly, and takes no
// other.
func TestGracefulStop(t *testing.T) {
	s, address := serve(t, Options{})
	client := testgrpc.NewTestServiceClient(dial(t, address))
	stream, err := client.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const replies, size = 20, 1 << 20
	if err := stream.Send(&testgrpc.StreamingOutputCallRequest{ResponseParameters: sizes(replies, size)}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	c := onlyConn(t, s)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.GracefulStop()
	}()
	until(t, "a connection that is left", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.leaving == refusing
	})
	for range replies - 1 {
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-stopped:
		t.Error("the server did not wait")
	default:
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("Recv() = %v", err)
	}
	<-stopped
	if _, err := client.EmptyCall(t.Context(), &testgrpc.Empty{}); status.Code(err) != codes.Unavailable {
		t.Errorf("a call after the end: %v", err)
	}
	if err := s.Serve(listen(t)); !errors.Is(err, ErrStopped) {
		t.Errorf("Serve() = %v", err)
	}
}

func sizes(n int, bytes int32) (all []*testgrpc.ResponseParameters) {
	for range n {
		all = append(all, &testgrpc.ResponseParameters{Size: bytes})
	}
	return all
}

// TestStop ends calls in the middle, of clients who read and of those who do not.
func TestStop(t *testing.T) {
	s, w, address := serveWaiting(t, Options{})
	client := testgrpc.NewTestServiceClient(dial(t, address))
	stream, err := client.FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&testgrpc.StreamingOutputCallRequest{ResponseParameters: sizes(20, 1<<20)}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	c := dialRaw(t, address)
	c.begin(1, waits)
	until(t, "a call", func() bool { return w.running.Load() == 1 })
	s.Stop()
	for err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("Recv() = %v", err)
	}
}

// TestHealth watches, for as long as the client likes.
func TestHealth(t *testing.T) {
	s := newTestServer(Options{})
	h := health.NewServer()
	healthpb.RegisterHealthServer(s, h)
	client := healthpb.NewHealthClient(dial(t, serveOn(t, s, listen(t))))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watch, err := client.Watch(ctx, &healthpb.HealthCheckRequest{Service: "service"})
	if err != nil {
		t.Fatal(err)
	}
	want := []healthpb.HealthCheckResponse_ServingStatus{
		healthpb.HealthCheckResponse_SERVICE_UNKNOWN, healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING,
	}
	for i, now := range want {
		if i > 0 {
			h.SetServingStatus("service", now)
		}
		if got, err := watch.Recv(); err != nil || got.GetStatus() != now {
			t.Fatalf("Recv() = %v, %v, not %v", got, err, now)
		}
	}
	cancel()
	if _, err := watch.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("Recv() = %v", err)
	}
}
