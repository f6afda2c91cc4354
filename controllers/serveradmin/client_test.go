package serveradmin_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/controllers/pki"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
)

// api is the API server of this package's tests.
var api *env.Environment

func TestMain(m *testing.M) { os.Exit(env.Run(m, &api)) }

func TestErrorsKeepTheServersText(t *testing.T) {
	tests := map[string]struct {
		reason string
		err    error
		is     error
		text   string
	}{
		"not found":   {"what is gone need not be dropped", status.Error(codes.NotFound, `dataset "x" not found`), serveradmin.ErrNotFound, `dataset "x"`},
		"mismatch":    {"only a person can mend it", status.Error(codes.InvalidArgument, "field fare differs"), serveradmin.ErrRefused, "field fare differs"},
		"unknown":     {"an older server", status.Error(codes.Unimplemented, "no such action"), serveradmin.ErrRefused, "no such action"},
		"unavailable": {"it passes", status.Error(codes.Unavailable, "starting"), serveradmin.ErrUnreachable, "starting"},
		"internal":    {"a defect of the server is retried and told", status.Error(codes.Internal, "internal error 7"), nil, "internal error 7"},
	}
	c, client := connected(t)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c.Server.Fail(tc.err)
			err := client.DropDataset(t.Context(), settings.DatasetRef{Dataset: "x"})
			if err == nil || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("%s: got %v", tc.reason, err)
			}
			for _, sentinel := range []error{serveradmin.ErrNotFound, serveradmin.ErrRefused, serveradmin.ErrUnreachable} {
				if got, want := errors.Is(err, sentinel), errors.Is(tc.is, sentinel); got != want {
					t.Errorf("%s: is %q: %t, want %t", tc.reason, sentinel, got, want)
				}
			}
		})
	}
}

func TestHealth(t *testing.T) {
	_, client := connected(t)
	got, err := client.Health(t.Context())
	if err != nil || got.Version != "1.2.3" || got.CapacityBytes != 1<<30 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A server that another authority vouches for may be anybody.
func TestServerOfAnotherCluster(t *testing.T) {
	mine, other := api.NewCluster(t, nil), api.NewCluster(t, nil)
	mine.Settle()
	other.Settle()
	dialer := mine.Dialer()
	dialer.DialContext = other.Server.Dial
	client := dial(t, mine, dialer)
	if _, err := client.Health(t.Context()); !errors.Is(err, serveradmin.ErrUnreachable) {
		t.Errorf("got %v, want no answer", err)
	}
}

func connected(t *testing.T) (*env.Cluster, *serveradmin.Client) {
	t.Helper()
	c := api.NewCluster(t, nil)
	c.Settle()
	return c, dial(t, c, c.Dialer())
}

func dial(t *testing.T, c *env.Cluster, d serveradmin.Dialer) *serveradmin.Client {
	t.Helper()
	secret := c.Secret("prod-operator-tls")
	certificate, err := pki.KeyPair{Certificate: secret.Data[settings.TLSCertFile], Key: secret.Data[settings.TLSKeyFile]}.TLS()
	if err != nil {
		t.Fatal(err)
	}
	client, err := d.Dial(serveradmin.Target{
		Host:        "prod-0.prod-peers." + c.Key.Namespace + ".svc",
		Roots:       secret.Data[settings.CAFile],
		Certificate: certificate,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}
