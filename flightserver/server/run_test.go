package server

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestDrainLetsAnUploadEnd(t *testing.T) {
	srv, stop := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	messages := uploadMessages(t, characters(t, "Arya"))
	stream := must[flight.FlightService_DoPutClient](t)(client.DoPut(t.Context()))
	if err := stream.Send(messages[0]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the upload has begun", func() bool { return strings.Contains(scrape(t, srv), `DoPut"} 1`) })
	watcher := watchHealth(t, srv)

	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	eventually(t, "readiness is gone", func() bool { return ops(t, srv, "/readyz") == http.StatusServiceUnavailable })
	eventually(t, "the watcher knows", func() bool { return watcher() == healthpb.HealthCheckResponse_NOT_SERVING })
	if code := ops(t, srv, "/healthz"); code != http.StatusOK {
		t.Errorf("/healthz = %d while draining", code)
	}
	if err := stream.Send(messages[1]); err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if got := must[[]string](t)(answers(stream)); !strings.Contains(got[0], `"rows":1`) {
		t.Errorf("answer = %v", got)
	}
	<-stopped
}

func TestDrainEndsAtItsTimeout(t *testing.T) {
	s := testSettings(t)
	s.DrainTimeout = metav1.Duration{Duration: 100 * time.Millisecond}
	srv, stop := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	stream := must[flight.FlightService_DoPutClient](t)(client.DoPut(t.Context()))
	for _, m := range uploadMessages(t, characters(t, "Arya")) {
		if err := stream.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if _, err := answers(stream); err == nil {
		t.Error("the upload was acknowledged")
	}

	srv, _ = start(t, s)
	if names := must[[]string](t)(list(t.Context(), connect(t, srv.URI(), nil, ""), "")); len(names) != 0 {
		t.Errorf("datasets = %v", names)
	}
}

func TestOps(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("d"), records: []arrow.RecordBatch{characters(t, "Arya")}}))
	for path, want := range map[string]int{
		"/healthz":              http.StatusOK,
		"/readyz":               http.StatusOK,
		"/metrics":              http.StatusOK,
		"/debug/pprof/cmdline":  http.StatusOK,
		"/debug/pprof/nonsense": http.StatusNotFound,
		"/":                     http.StatusNotFound,
	} {
		eventually(t, path, func() bool { return ops(t, srv, path) == want })
	}
	text := scrape(t, srv)
	for _, name := range []string{"grpc_server_handled_total", "flightserver_received_bytes_total", "flightserver_auth_failures_total"} {
		if !strings.Contains(text, name) {
			t.Errorf("metrics lack %s", name)
		}
	}
}

func TestProfilesAreForThisMachine(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	request := httptest.NewRequest(http.MethodGet, "/debug/pprof/cmdline", http.NoBody)
	request.RemoteAddr = "192.0.2.1:1234"
	answer := httptest.NewRecorder()
	srv.ops.Handler.ServeHTTP(answer, request)
	if answer.Code != http.StatusForbidden {
		t.Errorf("code = %d", answer.Code)
	}
}

func ops(t *testing.T, srv *Server, path string) int {
	t.Helper()
	code, _ := fetch(t, srv, path)
	return code
}

func scrape(t *testing.T, srv *Server) string {
	t.Helper()
	_, body := fetch(t, srv, "/metrics")
	return body
}

func fetch(t *testing.T, srv *Server, path string) (int, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + srv.OpsAddr().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body := must[[]byte](t)(io.ReadAll(answer.Body))
	return answer.StatusCode, string(body)
}

func healthClient(t *testing.T, srv *Server) healthpb.HealthClient {
	t.Helper()
	conn, err := grpc.NewClient(srv.dataListener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return healthpb.NewHealthClient(conn)
}

func checkHealth(t *testing.T, srv *Server) string {
	t.Helper()
	answer := must[*healthpb.HealthCheckResponse](t)(healthClient(t, srv).Check(t.Context(), &healthpb.HealthCheckRequest{}))
	return answer.GetStatus().String()
}

// watchHealth gives the last state that a watcher was told.
func watchHealth(t *testing.T, srv *Server) func() healthpb.HealthCheckResponse_ServingStatus {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	stream := must[healthpb.Health_WatchClient](t)(healthClient(t, srv).Watch(ctx, &healthpb.HealthCheckRequest{}))
	must[*healthpb.HealthCheckResponse](t)(stream.Recv())
	return func() healthpb.HealthCheckResponse_ServingStatus {
		answer, err := stream.Recv()
		if err != nil {
			return healthpb.HealthCheckResponse_UNKNOWN
		}
		return answer.GetStatus()
	}
}
