package settings

import (
	"strings"
	"testing"
)

func TestHTTPSettings(t *testing.T) {
	cases := map[string]struct {
		listen, advertise string
		guarded           bool
		want              string // in the error; empty: none
	}{
		"Off":       {},
		"Loopback":  {listen: "127.0.0.1:8443"},
		"NoPort":    {listen: "127.0.0.1", want: "HOST:PORT"},
		"Open":      {listen: "10.0.0.1:8443", want: "TLS and an auth file"},
		"Guarded":   {listen: "10.0.0.1:8443", guarded: true},
		"AnyNoName": {listen: ":8443", guarded: true, want: "httpAdvertise"},
		"AnyNamed":  {listen: "[::]:8443", advertise: "https://flight.example/data", guarded: true},
		"NotHTTP":   {listen: "127.0.0.1:8443", advertise: "grpc://flight.example:8815", want: "httpAdvertise"},
		"NoHost":    {listen: "127.0.0.1:8443", advertise: "https:///data", want: "httpAdvertise"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := Default()
			s.DataDir, s.HTTPListen, s.HTTPAdvertise = "data", tc.listen, tc.advertise
			if tc.guarded {
				s.AuthFile, s.TLS = "auth.yaml", &TLS{CertFile: "tls.crt", KeyFile: "tls.key"}
			}
			err := s.Validate()
			if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
		})
	}
}
