//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestUploadAndDownload(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	create(t, cr)

	t.Run("kubectl flight uploads, a stock client downloads", func(t *testing.T) {
		t.Parallel()
		flight(t, cr, "put", sampleFile("weather"), "--path", "nyc/weather")
		requireEqual(t, sample(t, "weather"), download(t, cr, "nyc", "weather"))
	})
	t.Run("a stock client uploads, kubectl flight downloads", func(t *testing.T) {
		t.Parallel()
		if err := connectAs(t, cr, "etl").Put(t.Context(), sample(t, "planes"), "nyc", "planes"); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "planes.parquet")
		flight(t, cr, "get", "nyc/planes", "-o", out)
		requireEqual(t, sample(t, "planes"), readParquet(t, out))
	})
}

func TestDataSurvivesItsPod(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	create(t, cr)
	flight(t, cr, "put", sampleFile("flights"), "--path", "nyc/flights")

	for range 2 {
		p := pod(cr)
		get(t, p)
		if err := api.Delete(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		waitNewPod(t, cr, p.UID)
		requireEqual(t, sample(t, "flights"), download(t, cr, "nyc", "flights"))
	}
	waitReady(t, cr)
}

func TestDatasetStatus(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	ds := newDataset(cr, "airports")
	create(t, cr, ds)
	if ds.Status.Version != 0 || ds.Status.Rows != 0 {
		t.Errorf("before the first upload it has version %d and %d rows", ds.Status.Version, ds.Status.Rows)
	}

	want := sample(t, "airports")
	for version := range int64(3) {
		flight(t, cr, "put", sampleFile("airports"), "--path", "nyc/airports")
		eventually(t, "the status follows the upload", func() error {
			get(t, ds)
			if ds.Status.Version != version+1 || ds.Status.Rows != want.NumRows() || ds.Status.Bytes == 0 {
				return fmt.Errorf("version %d, %d rows, %d bytes", ds.Status.Version, ds.Status.Rows, ds.Status.Bytes)
			}
			return ready(ds)
		})
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	create(t, cr)
	planes := sample(t, "planes")
	if err := connectAs(t, cr, "etl").Put(t.Context(), planes, "planes"); err != nil {
		t.Fatal(err)
	}

	altered := tokenSecret(t, cr, "dashboard").Data["token"]
	altered[len(altered)-2] ^= 1
	for name, token := range map[string]string{
		"none":    "",
		"unknown": "fl1_nobody_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"altered": string(altered),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connectWith(t, cr, token).Get(t.Context(), "planes")
			refuse(t, err, codes.Unauthenticated)
		})
	}
	t.Run("reader may not write", func(t *testing.T) {
		t.Parallel()
		refuse(t, connectAs(t, cr, "dashboard").Put(t.Context(), planes, "planes"), codes.PermissionDenied)
		requireEqual(t, planes, download(t, cr, "planes"))
	})
}

func refuse(t *testing.T, err error, want codes.Code) {
	t.Helper()
	if err := wantCode(err, want); err != nil {
		t.Error(err)
	}
}

func wantCode(err error, want codes.Code) error {
	if err == nil {
		return fmt.Errorf("it passed, want code %s", want)
	}
	var s interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &s) || s.GRPCStatus().Code() != want {
		return fmt.Errorf("%w, want code %s", err, want)
	}
	return nil
}
