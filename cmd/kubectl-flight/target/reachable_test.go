package target

import (
	"encoding/pem"
	"net/http/httptest"
	"testing"
)

// realCertificate is that of httptest's servers, which are example.com.
func realCertificate(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// What answers at the Service's address is used only when it proves to be the
// server that is meant.
func TestReachable(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	tests := map[string]struct {
		reason  string
		uri, ca string
		name    string
		want    bool
	}{
		"Proven":    {"authority and name fit", "grpc+tls://h", realCertificate(t), "example.com", true},
		"Name":      {"somebody else's certificate", "grpc+tls://h", realCertificate(t), "prod.ns.svc", false},
		"Plaintext": {"nothing proves who answers", "grpc://h", "", "", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			at, err := newTarget(tc.uri)
			if err != nil {
				t.Fatal(err)
			}
			at.address = server.Listener.Addr().String()
			if at.tls != nil {
				if err := at.trust([]byte(tc.ca)); err != nil {
					t.Fatal(err)
				}
				at.tls.ServerName = tc.name
			}
			if got := at.reachable(t.Context()); got != tc.want {
				t.Errorf("%s: got %v", tc.reason, got)
			}
		})
	}
}
