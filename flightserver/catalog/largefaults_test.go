package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
	"github.com/flight-operator/flight-operator/flightserver/store/vfs/errorfs"
)

// largeRows are written while others are encoded, which small uploads are not.
const (
	largeRecordRows = 32 << 10
	largeRows       = 5 * largeRecordRows // of 64 bytes
)

func putLarge(ctx context.Context, c *Catalog) (err error) {
	rec := numericRecord(largeRecordRows)
	defer rec.Release()
	u, err := c.NewUpload(ctx, UploadRequest{Path: []string{"large"}, Schema: rec.Schema()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.Abort()) }()
	for u.Rows() < largeRows {
		if err := u.Write(rec); err != nil {
			return err
		}
	}
	_, err = u.Commit(ctx)
	return err
}

// rowsOf reads all that a catalog has.
func rowsOf(ctx context.Context, c *Catalog) (rows int64, err error) {
	for _, d := range c.List("") {
		scan, err := c.Scan(ctx, d.ID, d.Version, 0)
		if err != nil {
			return 0, err
		}
		defer scan.Release()
		for {
			m, err := scan.Next()
			if err == io.EOF { //nolint:errorlint // only a bare io.EOF is the end
				break
			}
			if err != nil {
				return 0, err
			}
			rows += m.Rows
		}
	}
	return rows, nil
}

func wantRows(t *testing.T, when string, fs vfs.FS, allowed ...int64) {
	t.Helper()
	c, err := Open(t.Context(), quiet(fs))
	if err != nil {
		t.Errorf("%s: open: %v", when, err)
		return
	}
	got, err := rowsOf(t.Context(), c)
	if err := errors.Join(err, c.Close()); err != nil || !slices.Contains(allowed, got) {
		t.Errorf("%s: found %d rows (%v), want one of %v", when, got, err, allowed)
	}
}

// TestNthOperationOfLargeUploadFails fails what is written behind, too.
func TestNthOperationOfLargeUploadFails(t *testing.T) {
	t.Parallel()
	injected := errors.New("injected")
	copied, _ := prepared(t, 0)
	for n := int64(0); ; n++ {
		fs := copied()
		fault := &errorfs.Nth{N: n, Err: injected}
		c, err := Open(t.Context(), quiet(errorfs.New(fs, fault.Inject)))
		allowed := []int64{0}
		if err == nil {
			err = putLarge(t.Context(), c)
			switch {
			case err == nil:
				allowed = []int64{largeRows}
			case errors.Is(err, ErrOutcomeUnknown):
				allowed = []int64{0, largeRows}
			}
			mustCloseFaulty(c)
		}
		if err != nil && !errors.Is(err, injected) {
			t.Errorf("operation %d: error %v does not tell the cause", n, err)
		}
		wantRows(t, fmt.Sprintf("operation %d failed (%v)", n, err), fs, allowed...)
		if !fault.Done() {
			return
		}
	}
}

// TestPowerLossInLargeUpload pulls the power while parts of the upload are on
// the disk, in order or not.
func TestPowerLossInLargeUpload(t *testing.T) {
	t.Parallel()
	copied, _ := prepared(t, 0)
	fs := copied()
	var mu sync.Mutex
	count := uint64(0)
	c := mustOpen(t, quiet(errorfs.New(fs, func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if count++; op.Kind.Changes() {
			r := rand.New(rand.NewPCG(count, 0))
			when := fmt.Sprintf("before operation %d, %s of %s", count, op.Kind, op.Name)
			wantRows(t, when, fs.CrashClone(nil), 0, largeRows)
			wantRows(t, when+", some of it on the disk", fs.CrashClone(func() bool { return r.IntN(2) == 0 }), 0, largeRows)
		}
		return nil
	})))
	if err := putLarge(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	wantRows(t, "after the acknowledgement", fs.CrashClone(nil), largeRows)
	mustClose(t, c)
}
