package target

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// apiServer forwards ports to an echo, or refuses to. It knows SPDY only, as
// API servers did for long.
type apiServer struct {
	refuse string // what the kubelet says; empty: nothing

	mu    sync.Mutex
	paths []string
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.paths = append(a.paths, r.URL.Path)
	a.mu.Unlock()
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		http.Error(w, "no WebSocket here", http.StatusBadRequest)
		return
	}
	if _, err := httpstream.Handshake(r, w, []string{portforward.PortForwardProtocolV1Name}); err != nil {
		return
	}
	streams := make(chan httpstream.Stream, 8)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		streams <- s
		return nil
	})
	if conn == nil {
		return
	}
	defer func() { _ = conn.Close() }()
	for {
		select {
		case s := <-streams:
			go a.answer(s)
		case <-conn.CloseChan():
			return
		}
	}
}

func (a *apiServer) answer(s httpstream.Stream) {
	defer func() { _ = s.Close() }()
	if s.Headers().Get(corev1.StreamType) == corev1.StreamTypeError {
		_, _ = io.WriteString(s, a.refuse)
		return
	}
	lines := bufio.NewScanner(s)
	for lines.Scan() {
		_, _ = fmt.Fprintf(s, "port %s heard %s\n", s.Headers().Get(corev1.PortHeader), lines.Text())
	}
}

func (a *apiServer) seen() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.paths, " ")
}

func say(conn net.Conn, line string) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}

// Each connection goes to a pod that is ready when it is made.
func TestForward(t *testing.T) {
	api := &apiServer{}
	server := httptest.NewServer(api)
	defer server.Close()
	first := pod("prod-0", corev1.ConditionTrue)
	k := kubernetes(t, "", first)
	k.config = &rest.Config{Host: server.URL}
	dial := k.forwardTo(cluster("prod"))

	// The dialing's context ends before the connection does.
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := dial(ctx, "")
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := say(conn, "hello"); err != nil || got != "port 8815 heard hello\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(api.seen(), "/api/v1/namespaces/ns/pods/prod-0/portforward") {
		t.Errorf("asked for %s", api.seen())
	}

	second := kubernetes(t, "", pod("prod-1", corev1.ConditionTrue))
	k.Reader = second.Reader
	conn, err = dial(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if got, err := say(conn, "again"); err != nil || got != "port 8815 heard again\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if !strings.Contains(api.seen(), "/pods/prod-1/portforward") {
		t.Errorf("asked for %s", api.seen())
	}
}

func TestForwardRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "pods/portforward is forbidden", http.StatusForbidden)
	}))
	defer server.Close()
	k := kubernetes(t, "", pod("prod-0", corev1.ConditionTrue))
	k.config = &rest.Config{Host: server.URL}
	_, err := k.forwardTo(cluster("prod"))(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), "port-forward to pod prod-0: ") || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("got %v", err)
	}
}

func TestForwardCancelled(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	k := kubernetes(t, "", pod("prod-0", corev1.ConditionTrue))
	k.config = &rest.Config{Host: server.URL}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := k.forwardTo(cluster("prod"))(ctx, ""); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
}
