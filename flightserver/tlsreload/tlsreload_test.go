package tlsreload

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOpen(t *testing.T) {
	ca := tlstest.NewCA(t)
	pair, other := ca.Issue(t, "server"), ca.Issue(t, "other")
	cases := map[string]struct {
		reason        string
		cert, key, ca []byte
		want          error
		text          string
	}{
		"Good":        {reason: "a pair and a CA", cert: pair.Cert, key: pair.Key, ca: ca.PEM},
		"NoCA":        {reason: "clients need no certificate", cert: pair.Cert, key: pair.Key},
		"KeyOfOther":  {reason: "half of a rotation is no pair", cert: pair.Cert, key: other.Key, text: "private key does not match"},
		"EmptyCA":     {reason: "no client could ever connect", cert: pair.Cert, key: pair.Key, ca: []byte("\n"), want: settings.ErrNoCertificates},
		"BrokenCA":    {reason: "clients of the second authority would be locked out", cert: pair.Cert, key: pair.Key, ca: append(slices.Clone(ca.PEM), ca.PEM[:200]...), text: "1 of 2 certificates"},
		"MissingCert": {reason: "the file's name is told", key: pair.Key, want: fs.ErrNotExist},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			files := writeFiles(t, t.TempDir(), tc.cert, tc.key, tc.ca)
			_, err := Open("data", files, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
			switch {
			case tc.want == nil && tc.text == "":
				if err != nil {
					t.Errorf("Open() = %v: %s", err, tc.reason)
				}
			case err == nil || !errors.Is(err, tc.want) && tc.want != nil || !strings.Contains(err.Error(), tc.text):
				t.Errorf("Open() = %v, want %v %s: %s", err, tc.want, tc.text, tc.reason)
			}
		})
	}
}

func TestReloadKeepsTheLastGoodSet(t *testing.T) {
	ca := tlstest.NewCA(t)
	dir := t.TempDir()
	first, second := ca.Issue(t, "first"), ca.Issue(t, "second")
	files := writeFiles(t, dir, first.Cert, first.Key, ca.PEM)
	registry := prometheus.NewRegistry()
	r, err := Open("data", files, slog.New(slog.DiscardHandler), registry)
	if err != nil {
		t.Fatal(err)
	}

	writeFiles(t, dir, second.Cert, first.Key, ca.PEM)
	r.reload()
	r.reload()
	if got, want := r.LeafRevision(), settings.Revision(first.Cert); got != want {
		t.Errorf("revision after half a rotation = %s, want the first's %s", got, want)
	}
	if n := testutil.ToFloat64(r.metrics.reloadFailures); n != 1 {
		t.Errorf("failures = %v, want one for one broken state", n)
	}

	writeFiles(t, dir, second.Cert, second.Key, ca.PEM)
	r.reload()
	if got, want := r.LeafRevision(), settings.Revision(second.Cert); got != want {
		t.Errorf("revision after the rotation = %s, want the second's %s", got, want)
	}
	before := r.loaded.Load()
	r.reload()
	if r.loaded.Load() != before {
		t.Error("unchanged files were taken over again, which ends session resumption")
	}
	if n, err := testutil.GatherAndCount(registry, "flightserver_tls_leaf_expiry_timestamp_seconds"); n != 1 || err != nil {
		t.Errorf("expiry metrics = %d, %v", n, err)
	}
}

// What is told over the admin port is what is in force, not what lies there: an
// operator that takes the one for the other would remove an authority too early.
func TestTrustRevisionIsWhatIsInForce(t *testing.T) {
	first, second := tlstest.NewCA(t), tlstest.NewCA(t)
	dir := t.TempDir()
	pair := first.Issue(t, "server")
	r, err := Open("admin", writeFiles(t, dir, pair.Cert, pair.Key, first.PEM), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	both := slices.Concat(second.PEM, first.PEM)
	for _, step := range []struct {
		reason        string
		key, ca, want []byte
	}{
		{reason: "a truncated bundle", key: pair.Key, ca: both[:len(both)-40], want: first.PEM},
		{reason: "a whole bundle beside a key of another", key: second.Issue(t, "x").Key, ca: both, want: first.PEM},
		{reason: "a whole bundle", key: pair.Key, ca: both, want: both},
	} {
		writeFiles(t, dir, pair.Cert, step.key, step.ca)
		r.reload()
		if got, want := r.TrustRevision(), settings.Revision(step.want); got != want {
			t.Errorf("after %s: %s is in force, want %s", step.reason, got, want)
		}
	}
}

// writeFiles writes what is not nil.
func writeFiles(t *testing.T, dir string, cert, key, ca []byte) settings.TLS {
	t.Helper()
	files := settings.TLS{CertFile: filepath.Join(dir, settings.TLSCertFile), KeyFile: filepath.Join(dir, settings.TLSKeyFile)}
	if ca != nil {
		files.ClientCAFile = filepath.Join(dir, settings.CAFile)
	}
	for file, content := range map[string][]byte{files.CertFile: cert, files.KeyFile: key, files.ClientCAFile: ca} {
		if content == nil {
			continue
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
