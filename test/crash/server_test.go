package crash

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// build makes the real binary, once for all of a test's servers.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "flightserver")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../flightserver")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	return binary
}

// server is a child process.
type server struct {
	cmd     *exec.Cmd
	address string
	log     strings.Builder
}

// serve starts a server and waits until it is ready.
func serve(t *testing.T, binary, dir string) *server {
	t.Helper()
	s := &server{cmd: exec.Command(binary, "serve", "--data-dir", dir, "--listen", "127.0.0.1:0", "--ops-listen", "")}
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ready := strings.CutPrefix(strings.TrimSpace(line), "flightserver ready grpc://")
	if !ready {
		s.kill()
		t.Fatalf("the server is not ready: %v\n%s", err, s.log.String())
	}
	s.address = address
	return s
}

// kill ends the process as a power cut would, except that the kernel lives on.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // its error says that it was killed
}

// stop ends the process as Kubernetes does.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v\n%s", err, s.log.String())
	}
}

func (s *server) connect(t *testing.T) flight.Client {
	t.Helper()
	client, err := flight.NewClientWithMiddleware(s.address, nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// check runs `flightserver check` on the directory of a server that is gone.
func check(ctx context.Context, t *testing.T, binary, dir string) {
	t.Helper()
	if out, err := exec.CommandContext(ctx, binary, "check", "--data-dir", dir).CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
}
