package target

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNamedServer(t *testing.T) {
	t.Setenv(TokenEnv, "from the environment")
	tests := map[string]struct {
		reason  string
		options Options
		address string
		tls     bool
		token   string
	}{
		"Plaintext": {"no TLS", Options{Server: "grpc://127.0.0.1:9000"}, "127.0.0.1:9000", false, "from the environment"},
		"TCP":       {"another name of it", Options{Server: "grpc+tcp://h:1"}, "h:1", false, "from the environment"},
		"Port":      {"the port that servers have", Options{Server: "grpc+tls://h"}, "h:8815", true, "from the environment"},
		"IPv6":      {"brackets", Options{Server: "grpc://[::1]:9"}, "[::1]:9", false, "from the environment"},
		"Unix":      {"a socket", Options{Server: "grpc+unix:///run/flight.sock"}, "unix:/run/flight.sock", false, "from the environment"},
		"Token":     {"a flag goes before the environment", Options{Server: "grpc://h", Token: "t"}, "h:8815", false, "t"},
		"TokenFile": {"the newline at the end is the editor's", Options{Server: "grpc://h", TokenFile: file(t, "t\n")}, "h:8815", false, "t"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tc.options.Resolve(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			if got.address != tc.address || (got.tls != nil) != tc.tls || got.token != tc.token || !got.follow {
				t.Errorf("%s: got %+v", tc.reason, got)
			}
		})
	}
}

func TestWrongOptions(t *testing.T) {
	tests := map[string]struct {
		options Options
		want    string
	}{
		"Both":           {Options{Server: "grpc://h", Cluster: "c"}, "exclude each other"},
		"Scheme":         {Options{Server: "http://h"}, "must begin with grpc:// or grpc+tls://"},
		"NoScheme":       {Options{Server: "localhost:8815"}, "must begin with grpc:// or grpc+tls://"},
		"NoHost":         {Options{Server: "grpc://:8815"}, "names no host"},
		"NoURI":          {Options{Server: "grpc://%zz"}, "is not a URI"},
		"CAInPlaintext":  {Options{Server: "grpc://h", CAFile: "x"}, "say grpc+tls://"},
		"CAMissing":      {Options{Server: "grpc+tls://h", CAFile: "/no/such"}, "--ca: open /no/such"},
		"CAEmpty":        {Options{Server: "grpc+tls://h", CAFile: file(t, "no certificate")}, "no certificate in PEM form"},
		"CAOfCluster":    {Options{Cluster: "c", CAFile: "x"}, "--ca goes with --server"},
		"TokenTwice":     {Options{Server: "grpc://h", Token: "a", TokenFile: "b"}, "exclude each other"},
		"TokenMissing":   {Options{Server: "grpc://h", TokenFile: "/no/such"}, "--token-file: open /no/such"},
		"TokenEmpty":     {Options{Server: "grpc://h", TokenFile: file(t, "\n")}, "is empty"},
		"TokenName":      {Options{Server: "grpc://h", TokenName: "etl"}, "--token-name chooses a token of a FlightCluster"},
		"TokenNameTwice": {Options{Cluster: "c", Token: "a", TokenName: "etl"}, "--token-name excludes"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := tc.options.Resolve(t.Context(), ""); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// A server is asked for data elsewhere only where that is as safe as asking it.
func TestLocation(t *testing.T) {
	tls := &Options{Server: "grpc+tls://h"}
	plain := &Options{Server: "grpc://h"}
	tests := map[string]struct {
		reason  string
		options *Options
		uri     string
		same    bool
	}{
		"Itself":      {"no second connection", plain, "grpc+tcp://h:8815", true},
		"Downgrade":   {"the token would be seen", tls, "grpc://h:8815", false},
		"Upgrade":     {"there is no authority to check it", plain, "grpc+tls://h:8815", false},
		"Unreachable": {"the connection at hand is used", plain, "grpc://127.0.0.1:1", false},
		"Unknown":     {"a scheme of the future", plain, "quic://h", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			at, err := tc.options.Resolve(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			if err := at.Connect(); err != nil {
				t.Fatal(err)
			}
			got := at.Location(t.Context(), tc.uri)
			if same := got != nil && got == at.Client(); same != tc.same || (got != nil) != tc.same {
				t.Errorf("%s: got %v", tc.reason, got)
			}
			if err := at.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
