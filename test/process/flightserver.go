// Package process runs the real server as a child process of a test.
package process

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// Build makes the server's binary, once for all processes of a test. The
// environment's FLIGHTSERVER names one that is there already.
func Build(t *testing.T) string {
	t.Helper()
	if binary := os.Getenv("FLIGHTSERVER"); binary != "" {
		return binary
	}
	return BuildPackage(t, "github.com/flight-operator/flight-operator/flightserver")
}

// BuildPackage makes the binary of any main package that the module can reach.
// Go's build cache keeps all but the linking.
func BuildPackage(t *testing.T, path string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), filepath.Base(path))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, path)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as released, also where the test runs under the race detector
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", path, err, out)
	}
	return binary
}

// Server is a running server, or one that is gone.
type Server struct {
	Address string // HOST:PORT of the data port, once it is ready
	cmd     *exec.Cmd
	out     io.Reader
	log     strings.Builder
}

// Serve starts a server on a free port and waits until it is ready.
func Serve(t *testing.T, binary, dir string, flags ...string) *Server {
	t.Helper()
	s := Start(t, binary, dir, flags...)
	line, err := bufio.NewReader(s.out).ReadString('\n')
	ready, address, _ := strings.Cut(strings.TrimSpace(line), "://")
	if !strings.HasPrefix(ready, "flightserver ready ") {
		s.Kill()
		t.Fatalf("the server is not ready: %v\n%s", err, s.log.String())
	}
	s.Address = address
	return s
}

// Start starts a server on a free port.
func Start(t *testing.T, binary, dir string, flags ...string) *Server {
	t.Helper()
	arguments := append([]string{"serve", "--data-dir", dir, "--listen", "127.0.0.1:0", "--ops-listen", ""}, flags...)
	s := &Server{cmd: exec.Command(binary, arguments...)}
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.out = out
	return s
}

// PID is the process's id.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Kill ends the process as a power cut would, except that the kernel lives on.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // its error says that it was killed
}

// Dump ends the process as a defect does, with the stacks of all goroutines, and
// gives all that it wrote to its log.
func (s *Server) Dump(t *testing.T) string {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Error(err)
	}
	_ = s.cmd.Wait() // its error says that it was ended
	return s.log.String()
}

// FreeAddress is HOST:PORT of a port that nobody listens on.
func FreeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Stop ends the process as Kubernetes does.
func (s *Server) Stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v\n%s", err, s.log.String())
	}
}

// Connect gives a client without TLS, which the caller closes.
func (s *Server) Connect(t *testing.T) flight.Client {
	t.Helper()
	return s.ConnectWith(t, insecure.NewCredentials())
}

// ConnectWith gives a client, which the caller closes.
func (s *Server) ConnectWith(t *testing.T, of credentials.TransportCredentials) flight.Client {
	t.Helper()
	client, err := flight.NewClientWithMiddleware(s.Address, nil, nil, grpc.WithTransportCredentials(of))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Check runs `flightserver check` on the directory of a server that is gone.
func Check(ctx context.Context, t *testing.T, binary, dir string) {
	t.Helper()
	if out, err := exec.CommandContext(ctx, binary, "check", "--data-dir", dir).CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
}
