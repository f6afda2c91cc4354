//go:build e2e

package e2e

import (
	"context"
	"errors"
	"testing"

	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/test/e2e/stock"
)

// A token that is rotated goes on beside the next one, streams included, until
// both are revoked.
func TestTokenIsRotatedAndRevoked(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	create(t, cr)
	planes := sample(t, "planes")
	if err := connectAs(t, cr, "etl").Put(t.Context(), planes, "planes"); err != nil {
		t.Fatal(err)
	}
	first := readerToken(t, cr)
	stream := openStream(t, connectWith(t, cr, first))

	annotate(t, cr, metadata.AnnotationRotateToken, "dashboard")
	second := waitToken(t, cr, first)
	for _, token := range []string{first, second} {
		got, err := connectWith(t, cr, token).Get(t.Context(), "planes")
		if err != nil {
			t.Fatal(err)
		}
		requireEqual(t, planes, got)
	}

	annotate(t, cr, metadata.AnnotationRevokeToken, "dashboard")
	third := waitToken(t, cr, second)
	for _, token := range []string{first, second} {
		eventually(t, "a revoked token is refused", func() error {
			_, err := connectWith(t, cr, token).Get(t.Context(), "planes")
			return wantCode(err, codes.Unauthenticated)
		})
	}
	_, err := stream.Recv()
	if err := wantCode(err, codes.Unauthenticated); err != nil {
		t.Errorf("the stream of the first token: %v", err)
	}
	eventually(t, "the third token is accepted", func() error {
		_, err := connectWith(t, cr, third).Get(t.Context(), "planes")
		return err
	})
	waitReady(t, cr)
	for _, key := range []string{metadata.AnnotationRotateToken, metadata.AnnotationRevokeToken} {
		if value, ok := cr.Annotations[key]; ok {
			t.Errorf("the annotation %s=%s is still there", key, value)
		}
	}
}

// openStream holds a call open, on which nothing more comes.
func openStream(t *testing.T, c *stock.Client) arrowflight.FlightService_DoExchangeClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	t.Cleanup(cancel)
	stream, err := c.DoExchange(ctx)
	if err != nil {
		t.Fatal(err)
	}
	echo := &arrowflight.FlightDescriptor{Type: arrowflight.DescriptorCMD, Cmd: []byte("echo")}
	if err := stream.Send(&arrowflight.FlightData{FlightDescriptor: echo, AppMetadata: []byte("hello")}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	return stream
}

func readerToken(t *testing.T, cr *v1alpha1.FlightCluster) string {
	t.Helper()
	return string(tokenSecret(t, cr, "dashboard").Data["token"])
}

// waitToken waits until the reader's Secret has another text.
func waitToken(t *testing.T, cr *v1alpha1.FlightCluster, before string) (after string) {
	t.Helper()
	eventually(t, "the Secret has another token", func() error {
		if after = readerToken(t, cr); after == before {
			return errors.New("it is the same")
		}
		return nil
	})
	return after
}
