//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/e2e/stock"
)

// bearer is a token that does not change.
func bearer(token string) stock.Bearer {
	return func() (string, error) { return token, nil }
}

// connectAs connects with the Secret of one of the cluster's tokens.
func connectAs(t *testing.T, cr *v1alpha1.FlightCluster, token string) *stock.Client {
	t.Helper()
	return connectWith(t, cr, string(tokenSecret(t, cr, token).Data["token"]))
}

// connectWith connects with the text of a token.
func connectWith(t *testing.T, cr *v1alpha1.FlightCluster, token string) *stock.Client {
	t.Helper()
	return connectBy(t, cr, func(*tls.Config) {}, grpc.WithPerRPCCredentials(bearer(token)))
}

// connectBy connects with whatever the caller adds to the roots of the cluster.
func connectBy(t *testing.T, cr *v1alpha1.FlightCluster, edit func(*tls.Config), options ...grpc.DialOption) *stock.Client {
	t.Helper()
	secret := tokenSecret(t, cr, "etl")
	uri, err := url.Parse(string(secret.Data["uri"]))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(secret.Data["ca.crt"]) {
		t.Fatalf("Secret %s has no certificate in ca.crt", secret.Name)
	}
	// The connection leads through a port-forward, yet the certificate must be
	// for the name that the Secret tells.
	config := &tls.Config{RootCAs: roots, ServerName: uri.Hostname(), MinVersion: tls.VersionTLS13}
	edit(config)
	client, err := arrowflight.NewClientWithMiddleware(forward(t, cr.Namespace, cr.Name, settings.PortData), nil, nil,
		append(options, grpc.WithTransportCredentials(credentials.NewTLS(config)))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return &stock.Client{Client: client}
}

func tokenSecret(t *testing.T, cr *v1alpha1.FlightCluster, token string) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: cr.Name + "-token-" + token}}
	get(t, secret)
	return secret
}

// sample reads a table of nycflights13.
func sample(t *testing.T, name string) arrow.Table {
	t.Helper()
	return readParquet(t, filepath.Join(repository, sampleFile(name)))
}

// sampleFile is its file, in the repository.
func sampleFile(name string) string {
	return filepath.Join("test", "data", "nycflights13", name+".parquet")
}

func readParquet(t *testing.T, name string) arrow.Table {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	table, err := pqarrow.ReadTable(t.Context(), f, nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// requireEqual compares names, types and values; batches may differ.
func requireEqual(t *testing.T, want, got arrow.Table) {
	t.Helper()
	if err := equal(want, got); err != nil {
		t.Fatal(err)
	}
}

func equal(want, got arrow.Table) error {
	if want.NumCols() != got.NumCols() || want.NumRows() != got.NumRows() {
		return fmt.Errorf("got %d rows in %d columns, want %d in %d", got.NumRows(), got.NumCols(), want.NumRows(), want.NumCols())
	}
	for i, field := range want.Schema().Fields() {
		other := got.Schema().Field(i)
		if field.Name != other.Name || !arrow.TypeEqual(field.Type, other.Type) {
			return fmt.Errorf("column %d is %s %s, want %s %s", i, other.Name, other.Type, field.Name, field.Type)
		}
		if !array.ChunkedEqual(want.Column(i).Data(), got.Column(i).Data()) {
			return fmt.Errorf("the values of column %s differ", field.Name)
		}
	}
	return nil
}

// download reads a dataset over TLS with the reader's token.
func download(t *testing.T, cr *v1alpha1.FlightCluster, path ...string) arrow.Table {
	t.Helper()
	table, err := connectAs(t, cr, "dashboard").Get(t.Context(), path...)
	if err != nil {
		t.Fatal(err)
	}
	return table
}
