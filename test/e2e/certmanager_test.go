//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What hack/soak.sh tells by the environment.
var (
	certManagerProgram = os.Getenv("E2E_CERT_MANAGER")      // of the folder test/certmanager
	certManagerCRDs    = os.Getenv("E2E_CERT_MANAGER_CRDS") // a folder
)

// apiServerInNode is where node1, which runs it, reaches the API server, and the
// API server what listens there.
const apiServerInNode = "https://127.0.0.1:6443"

// startCertManager runs cert-manager as long as the test.
func startCertManager(t *testing.T) {
	t.Helper()
	command := inNode(certManagerProgram, "-test.v", "-test.run", "^TestServe$", "-test.timeout", "0",
		"-server", apiServerInNode, "-crds", certManagerCRDs)
	log := logFile(t, "cert-manager.log")
	ready := make(chan struct{})
	line := func(text string) {
		if text == "cert-manager is ready" {
			close(ready)
		}
		_, _ = fmt.Fprintln(log, text)
	}
	startProgram(t, log, line, command...)
	select {
	case <-ready:
	case <-time.After(patience):
		t.Fatalf("cert-manager does not become ready, see %s", log.Name())
	}
}

func logFile(t *testing.T, name string) *os.File {
	t.Helper()
	if err := os.MkdirAll(logFolder, 0o750); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(logFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}
