package commands

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/server"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server and gives the flag that names it.
func serve(t *testing.T, change func(*settings.ServerSettings)) string {
	t.Helper()
	s := settings.Default()
	s.DataDir, s.Listen, s.OpsListen = t.TempDir(), "127.0.0.1:0", ""
	if change != nil {
		change(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	srv, err := server.New(ctx, server.Options{
		Settings: s, Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Clock: clock.RealClock{},
	})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "--server=" + srv.URI()
}

// result is what a command line did.
type result struct {
	code     int
	out, err string
}

func run(ctx context.Context, in string, args ...string) result {
	var out, errOut bytes.Buffer
	code := Run(ctx, args, genericiooptions.IOStreams{In: strings.NewReader(in), Out: &out, ErrOut: &errOut})
	return result{code, out.String(), errOut.String()}
}

// must runs a command line that succeeds.
func must(t *testing.T, args ...string) result {
	t.Helper()
	r := run(t.Context(), "", args...)
	if r.code != exitOK {
		t.Fatalf("%v: exit code %d: %s", args, r.code, r.err)
	}
	return r
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// endless is standard input that nobody closes.
type endless struct{ line string }

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e.line) <= len(p) {
		n += copy(p[n:], e.line)
	}
	return n, nil
}

var _ io.Reader = endless{}
