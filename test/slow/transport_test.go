package slow

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
)

// transport is how clients connect. Its zero value is plaintext.
type transport struct {
	flags  []string // of the server
	config *tls.Config
}

// newTLS makes certificates.
func newTLS(t *testing.T) transport {
	t.Helper()
	ca, dir := tlstest.NewCA(t), t.TempDir()
	pair := ca.Issue(t, "server")
	certificate, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for path, content := range map[string][]byte{certificate: pair.Cert, key: pair.Key} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := ca.Client(t, nil)
	config.NextProtos, config.ServerName = []string{"h2"}, "127.0.0.1"
	return transport{flags: []string{"--tls-cert", certificate, "--tls-key", key}, config: config}
}

func (p transport) credentials() credentials.TransportCredentials {
	if p.config == nil {
		return insecure.NewCredentials()
	}
	return credentials.NewTLS(p.config)
}

// dial gives a connection that is closed when the test ends.
func (p transport) dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if p.config == nil {
		return conn
	}
	secured := tls.Client(conn, p.config)
	if err := secured.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return secured
}
