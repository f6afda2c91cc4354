//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// stockClient is arrow-go's own client, which knows nothing of the operator but
// what is in a token's Secret.
type stockClient struct{ arrowflight.Client }

// bearer is a token that goes with every call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }

// connectAs connects with the Secret of one of the cluster's tokens.
func connectAs(t *testing.T, cr *v1alpha1.FlightCluster, token string) *stockClient {
	t.Helper()
	return connectWith(t, cr, string(tokenSecret(t, cr, token).Data["token"]))
}

// connectWith connects with the text of a token.
func connectWith(t *testing.T, cr *v1alpha1.FlightCluster, token string) *stockClient {
	t.Helper()
	return connectBy(t, cr, func(*tls.Config) {}, grpc.WithPerRPCCredentials(bearer(token)))
}

// connectBy connects with whatever the caller adds to the roots of the cluster.
func connectBy(t *testing.T, cr *v1alpha1.FlightCluster, edit func(*tls.Config), options ...grpc.DialOption) *stockClient {
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
	return &stockClient{client}
}

func tokenSecret(t *testing.T, cr *v1alpha1.FlightCluster, token string) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: cr.Name + "-token-" + token}}
	get(t, secret)
	return secret
}

// put uploads a table as one dataset.
func (c *stockClient) put(ctx context.Context, table arrow.Table, path ...string) error {
	stream, err := c.DoPut(ctx)
	if err != nil {
		return err
	}
	w := arrowflight.NewRecordWriter(stream, ipc.WithSchema(table.Schema()))
	w.SetFlightDescriptor(&arrowflight.FlightDescriptor{Type: arrowflight.DescriptorPATH, Path: path})
	batches := array.NewTableReader(table, 0)
	defer batches.Release()
	for batches.Next() {
		if err := w.Write(batches.RecordBatch()); err != nil {
			return err
		}
	}
	if err := errors.Join(batches.Err(), w.Close(), stream.CloseSend()); err != nil {
		return err
	}
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// get downloads a dataset, all its endpoints, as a stock client does.
func (c *stockClient) get(ctx context.Context, path ...string) (arrow.Table, error) {
	info, err := c.GetFlightInfo(ctx, &arrowflight.FlightDescriptor{Type: arrowflight.DescriptorPATH, Path: path})
	if err != nil {
		return nil, err
	}
	schema, err := arrowflight.DeserializeSchema(info.GetSchema(), memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	var batches []arrow.RecordBatch
	for _, endpoint := range info.GetEndpoint() {
		stream, err := c.DoGet(ctx, endpoint.GetTicket())
		if err != nil {
			return nil, err
		}
		r, err := arrowflight.NewRecordReader(stream)
		if err != nil {
			return nil, err
		}
		defer r.Release()
		for r.Next() {
			batch := r.RecordBatch()
			batch.Retain()
			defer batch.Release()
			batches = append(batches, batch)
		}
		if err := r.Err(); err != nil {
			return nil, err
		}
	}
	return array.NewTableFromRecords(schema, batches), nil
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
	table, err := connectAs(t, cr, "dashboard").get(t.Context(), path...)
	if err != nil {
		t.Fatal(err)
	}
	return table
}
