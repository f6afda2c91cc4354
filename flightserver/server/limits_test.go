package server

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// startLimited runs a server with some of its limits changed.
func startLimited(t *testing.T, edit func(*settings.Limits)) (*Server, flight.Client) {
	t.Helper()
	s := testSettings(t)
	edit(&s.Limits)
	srv, _ := start(t, s)
	return srv, connect(t, srv.URI(), nil, "")
}

// openUpload begins an upload of one record and sends all but its end.
func openUpload(t *testing.T, client flight.Client) flight.FlightService_DoPutClient {
	t.Helper()
	stream := must[flight.FlightService_DoPutClient](t)(client.DoPut(t.Context()))
	for _, m := range uploadMessages(t, characters(t, "Arya")) {
		if err := stream.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	return stream
}

// wantRefusal checks what a refused caller reads.
func wantRefusal(t *testing.T, err error, reason, text string) {
	t.Helper()
	wantStatus(t, err, codes.Unavailable, text)
	if got, retry := details(err); got != reason || !retry {
		t.Errorf("details = %s, retry %v; want %s and a hint when to retry", got, retry, reason)
	}
}

func TestCallsPerIdentity(t *testing.T) {
	srv, client := startLimited(t, func(l *settings.Limits) { l.CallsPerIdentity = 1 })
	upload := openUpload(t, client)
	eventually(t, "the upload has begun", func() bool { return strings.Contains(scrape(t, srv), `DoPut"} 1`) })
	_, err := list(t.Context(), client, "")
	wantRefusal(t, err, "CALL_LIMIT", `"anonymous@127.0.0.1" has 1, its limit callsPerIdentity`)
	if checkHealth(t, srv) != "SERVING" {
		t.Error("a server at its limit is not well")
	}
	if err := upload.CloseSend(); err != nil {
		t.Fatal(err)
	}
	must[[]string](t)(answers(upload))
	eventually(t, "there is room again", func() bool { _, err := list(t.Context(), client, ""); return err == nil })
}

func TestCallsPerSecond(t *testing.T) {
	_, client := startLimited(t, func(l *settings.Limits) { l.CallsPerSecond = 0.001 })
	must[[]string](t)(list(t.Context(), client, ""))
	_, err := list(t.Context(), client, "")
	wantRefusal(t, err, "RATE_LIMIT", "callsPerSecond")
}

func TestConnections(t *testing.T) {
	srv, client := startLimited(t, func(l *settings.Limits) { l.Connections = 1 })
	must[[]string](t)(list(t.Context(), client, ""))
	_, err := list(t.Context(), connect(t, srv.URI(), nil, ""), "")
	wantStatus(t, err, codes.Unavailable, "")
	must[[]string](t)(list(t.Context(), client, ""))
	if !strings.Contains(scrape(t, srv), "flightserver_connections 1\n") {
		t.Error("the metric counts other than one connection")
	}
}

func TestAnUploadWaitsForMemoryOnlySoLong(t *testing.T) {
	srv, client := startLimited(t, func(l *settings.Limits) { l.Wait = metav1.Duration{Duration: time.Millisecond} })
	release := must[func()](t)(srv.guards.budget.Acquire(t.Context(), "another", srv.guards.budget.Size()))
	u := upload{to: path("d"), records: []arrow.RecordBatch{characters(t, "Arya")}}
	_, err := doPut(t.Context(), client, u)
	wantRefusal(t, err, "IN_FLIGHT_LIMIT", "limit inFlight")
	release()
	must[[]string](t)(doPut(t.Context(), client, u))
	for _, line := range []string{"flightserver_in_flight_bytes 0\n", "flightserver_in_flight_waiting 0\n", `flightserver_refused_total{limit="inFlight"} 1` + "\n"} {
		if !strings.Contains(scrape(t, srv), line) {
			t.Errorf("metrics lack %q", line)
		}
	}
}

func TestSizesOfMessagesAndUploads(t *testing.T) {
	cases := map[string]struct {
		reason string
		edit   func(*settings.Limits)
		code   codes.Code
		text   string
	}{
		"Message":  {"gRPC refuses what it would have to keep", func(l *settings.Limits) { l.Message = resource.MustParse("1Ki") }, codes.ResourceExhausted, "1024"},
		"InFlight": {"no message is larger than all of them", func(l *settings.Limits) { l.InFlight = resource.MustParse("1Ki") }, codes.ResourceExhausted, "1024"},
		"Upload":   {"the text says what to do", func(l *settings.Limits) { l.Upload = resource.MustParse("1Ki") }, codes.InvalidArgument, "more than 1.0 KiB, the limit upload"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, client := startLimited(t, tc.edit)
			_, err := doPut(t.Context(), client, upload{to: path("d"), records: []arrow.RecordBatch{characters(t, strings.Repeat("x", 4096))}})
			wantStatus(t, err, tc.code, tc.text)
			if names := must[[]string](t)(list(t.Context(), client, "")); len(names) != 0 {
				t.Errorf("datasets = %v: %s", names, tc.reason)
			}
		})
	}
}

// stalled are limits under which silence ends a call soon.
func stalled(l *settings.Limits) { l.Stall = metav1.Duration{Duration: time.Second} }

func TestAWriterThatSendsNothingIsEnded(t *testing.T) {
	srv, client := startLimited(t, stalled)
	stream := must[flight.FlightService_DoPutClient](t)(client.DoPut(t.Context()))
	for _, m := range uploadMessages(t, characters(t, "Arya")) {
		_ = stream.Send(m) // fails where this takes longer than the limit
	}
	_, err := answers(stream)
	wantStatus(t, err, codes.DeadlineExceeded, "limit stall")
	if reason, _ := details(err); reason != "STALLED" {
		t.Errorf("reason = %q", reason)
	}
	if names := must[[]string](t)(list(t.Context(), client, "")); len(names) != 0 {
		t.Errorf("datasets = %v", names)
	}
	if !strings.Contains(scrape(t, srv), `flightserver_refused_total{limit="stall"} 1`+"\n") {
		t.Error("the metric does not count it")
	}
}

// TestAReaderThatTakesNothingIsEnded has what the reader did not take go with
// its connection. The dataset comes from a server that has all the time.
func TestAReaderThatTakesNothingIsEnded(t *testing.T) {
	s := testSettings(t)
	srv, stop := start(t, s)
	large := sequence(t, 1<<20)
	must[[]string](t)(doPut(t.Context(), connect(t, srv.URI(), nil, ""), upload{to: path("d"), records: []arrow.RecordBatch{large, large}}))
	stop()
	stalled(&s.Limits)
	srv, _ = start(t, s)
	must[flight.FlightService_DoGetClient](t)(connect(t, srv.URI(), nil, "").DoGet(t.Context(), &flight.Ticket{Ticket: []byte("d")}))
	eventually(t, "the call has ended", func() bool {
		return strings.Contains(scrape(t, srv), `grpc_server_handled_total{grpc_code="DeadlineExceeded",grpc_method="DoGet"`)
	})
	eventually(t, "no connection is left", func() bool { return strings.Contains(scrape(t, srv), "flightserver_connections 0\n") })
}

// TestBeginningsOfMessages has clients send most of a message and stop.
func TestBeginningsOfMessages(t *testing.T) {
	srv, client := startLimited(t, func(l *settings.Limits) {
		l.InFlight = resource.MustParse("1Mi")
		l.Wait = metav1.Duration{Duration: time.Millisecond}
	})
	for range 4 {
		sendMostOf(t, srv, sequence(t, 1<<17-1024))
	}
	eventually(t, "two of them have been ended", func() bool {
		return strings.Contains(scrape(t, srv), `grpc_server_handled_total{grpc_code="Unavailable",grpc_method="DoPut"`) &&
			strings.Contains(scrape(t, srv), `flightserver_refused_total{limit="inFlight"} 2`+"\n")
	})
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("d"), records: []arrow.RecordBatch{characters(t, "Arya")}}))
}

// sendMostOf returns when an upload is stuck.
func sendMostOf(t *testing.T, srv *Server, record arrow.RecordBatch) {
	t.Helper()
	stuck := make(chan struct{})
	dial := grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		return &stickyConn{Conn: conn, left: 800 << 10, stick: sync.OnceFunc(func() { close(stuck) })}, err
	})
	client := must[flight.Client](t)(flight.NewClientWithMiddleware(srv.dataListener.Addr().String(), nil, nil,
		grpc.WithTransportCredentials(insecure.NewCredentials()), dial))
	t.Cleanup(func() { _ = client.Close() })
	stream := must[flight.FlightService_DoPutClient](t)(client.DoPut(t.Context()))
	for _, m := range uploadMessages(t, record) {
		if err := stream.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	<-stuck
}

// stickyConn loses what is written beyond some bytes.
type stickyConn struct {
	net.Conn
	left  int
	stick func()
}

func (c *stickyConn) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left < 0 {
		c.stick()
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// sequence is a table that fits into no window.
func sequence(t *testing.T, rows int) arrow.RecordBatch {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
	}
	return b.NewRecordBatch()
}

func TestDrainDelayServesOn(t *testing.T) {
	s := testSettings(t)
	s.DrainDelay = metav1.Duration{Duration: time.Hour}
	o := options(s)
	now := clocktesting.NewFakeClock(time.Now())
	o.Clock = now
	srv := must[*Server](t)(New(t.Context(), o))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	client := connect(t, srv.URI(), nil, "")
	cancel()
	eventually(t, "readiness is gone", func() bool { return ops(t, srv, "/readyz") == 503 })
	must[[]string](t)(list(t.Context(), client, ""))
	eventually(t, "the server has ended", func() bool {
		now.Step(time.Hour) // again where the server had not yet begun to wait
		select {
		case err := <-ended:
			return err == nil
		default:
			return false
		}
	})
	_, err := list(t.Context(), client, "")
	wantStatus(t, err, codes.Unavailable, "")
}
