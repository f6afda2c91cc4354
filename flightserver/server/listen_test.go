package server

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// socketOf is a short path: a socket's may not be long.
func socketOf(t *testing.T) string {
	t.Helper()
	dir := must[string](t)(os.MkdirTemp("", "fs")) //nolint:usetesting // t.TempDir is long
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "flight.sock")
}

func TestUnixSocket(t *testing.T) {
	s := testSettings(t)
	socket := socketOf(t)
	// A server that was killed leaves its socket.
	left := must[*net.UnixListener](t)(net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"}))
	left.SetUnlinkOnClose(false)
	_ = left.Close()
	s.Listen = "unix://" + socket
	srv, stop := start(t, s)
	if srv.URI() != "grpc+unix://"+socket {
		t.Errorf("URI = %s", srv.URI())
	}
	client := must[flight.Client](t)(flight.NewClientWithMiddleware("unix://"+socket, nil, nil,
		grpc.WithTransportCredentials(insecure.NewCredentials())))
	defer client.Close()
	stored(t, client, path("got"), "Arya")
	if got := must[table](t)(doGet(t.Context(), client, []byte("got"))); got.rows != 1 {
		t.Errorf("rows = %d", got.rows)
	}
	stop()
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the end the socket is there: %v", err)
	}
}

func TestUnixSocketInUse(t *testing.T) {
	s := testSettings(t)
	s.Listen = "unix://" + socketOf(t)
	start(t, s)
	second := testSettings(t)
	second.Listen = s.Listen
	if _, err := New(t.Context(), options(second)); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second server on the socket: %v", err)
	}
	third := testSettings(t)
	file := strings.TrimPrefix(s.Listen, "unix://") + ".txt"
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	third.Listen = "unix://" + file
	if _, err := New(t.Context(), options(third)); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a file that is no socket: %v", err)
	}
}
