package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAuthenticate(t *testing.T) {
	reader, digest := NewToken("alice", settings.RoleReader)
	alice := Identity{Credential: Credential{settings.SubjectToken, "alice", digest.KeyID}, Role: settings.RoleReader}
	file := &settings.Credentials{Tokens: []settings.Token{digest}}
	public := &settings.Credentials{Tokens: []settings.Token{digest}, Anonymous: settings.RoleReader}
	cases := map[string]struct {
		reason string
		file   *settings.Credentials // nil: no file
		header string
		want   Identity
		err    error
	}{
		"Known":            {reason: "a token has an identity", file: file, header: "Bearer " + reader, want: alice},
		"SchemeIsAnyCase":  {reason: "schemes are compared without case", file: file, header: "bearer " + reader, want: alice},
		"NoHeader":         {reason: "somebody must call", file: file, err: ErrNoCredentials},
		"EmptyBearer":      {reason: "some clients send the scheme alone", file: file, header: "Bearer ", err: ErrNoCredentials},
		"AnonymousRole":    {reason: "the file may let anyone read", file: public, want: anonymous(settings.RoleReader)},
		"UnknownKeyID":     {reason: "no digest to compare with", file: file, header: "Bearer fl1_00_" + strings.Repeat("x", 43), err: ErrInvalidToken},
		"WrongSecret":      {reason: "the key id alone gives nothing", file: file, header: "Bearer " + reader[:len(reader)-1] + "~", err: ErrInvalidToken},
		"WrongIsNobody":    {reason: "a wrong token is not anonymous", file: public, header: "Bearer x", err: ErrInvalidToken},
		"NotOurs":          {reason: "a token of some other kind", file: file, header: "Bearer eyJhbGciOi", err: ErrInvalidToken},
		"OtherScheme":      {reason: "neither a token nor a password", file: file, header: "Digest dTpw", err: ErrInvalidToken},
		"NoFile":           {reason: "a laptop needs no tokens", want: anonymous(settings.RoleAdmin)},
		"NoFileAndAnyText": {reason: "clients that always send a token work on a laptop", header: "Bearer x", want: anonymous(settings.RoleAdmin)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := ""
			if tc.file != nil {
				path = writeCredentials(t, filepath.Join(t.TempDir(), "auth.yaml"), tc.file)
			}
			got, _, err := open(t, path).Authenticate(t.Context(), Evidence{Header: tc.header})
			if !errors.Is(err, tc.err) {
				t.Errorf("error = %v, want %v: %s", err, tc.err, tc.reason)
			}
			if got != tc.want {
				t.Errorf("identity = %+v, want %+v: %s", got, tc.want, tc.reason)
			}
		})
	}
}

func TestAddToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.yaml")
	first, err := AddToken(path, "alice", settings.RoleReader)
	if err != nil {
		t.Fatal(err)
	}
	second, err := AddToken(path, "bob", settings.RoleWriter)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := AddToken(path, "eve", "Owner"); err == nil {
		t.Error("a role that there is not was taken")
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{first, second} {
		secret := strings.SplitN(token, "_", 3)[2] // it may hold an underscore
		if len(token) != len("fl1_")+12+1+43 || strings.Contains(string(content), secret) {
			t.Errorf("token %q", token)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v", info.Mode(), err)
	}
	a := open(t, path)
	if id, _, err := a.Authenticate(t.Context(), Evidence{Header: "Bearer " + second}); err != nil || id.Name != "bob" {
		t.Errorf("identity = %v, %v", id, err)
	}
}

func TestReloadKeepsTheLastGoodFile(t *testing.T) {
	token, digest := NewToken("alice", settings.RoleReader)
	path := filepath.Join(t.TempDir(), "auth.yaml")
	writeCredentials(t, path, &settings.Credentials{Tokens: []settings.Token{digest}})
	a := open(t, path)
	revision := a.Revision()
	if err := os.WriteFile(path, []byte("tokens: [broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.reload()
	a.reload()
	if _, _, err := a.Authenticate(t.Context(), Evidence{Header: "Bearer " + token}); err != nil || a.Revision() != revision {
		t.Errorf("after a broken file: %v, revision %s, want %s", err, a.Revision(), revision)
	}
	if n := testutil.ToFloat64(a.metrics.reloadFailures); n != 1 {
		t.Errorf("failures = %v, want one for one broken state", n)
	}
	writeCredentials(t, path, &settings.Credentials{})
	a.reload()
	if _, _, err := a.Authenticate(t.Context(), Evidence{Header: "Bearer " + token}); !errors.Is(err, ErrInvalidToken) {
		t.Errorf("after the token's end: %v", err)
	}
}

// open gives an authenticator on the real clock, with keys of its own.
func open(t testing.TB, path string) *Authenticator {
	t.Helper()
	return openAt(t, path, clock.RealClock{})
}

func openAt(t testing.TB, path string, now clock.WithTicker) *Authenticator {
	t.Helper()
	keys, err := OpenKeys(filepath.Join(t.TempDir(), "keys"), true, now)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(Options{
		File:       path,
		Keys:       keys,
		Clock:      now,
		Logger:     slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func writeCredentials(t testing.TB, path string, c *settings.Credentials) string {
	t.Helper()
	content, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Scripts that make several tokens at once lose none.
func TestAddTokenConcurrently(t *testing.T) {
	const tokens = 20
	path := filepath.Join(t.TempDir(), "auth.yaml")
	var adding sync.WaitGroup
	for i := range tokens {
		adding.Go(func() {
			if _, err := AddToken(path, fmt.Sprint("client-", i), settings.RoleReader); err != nil {
				t.Error(err)
			}
		})
	}
	adding.Wait()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := settings.ParseCredentials(content)
	if err != nil {
		t.Fatal(err)
	}
	if len(credentials.Tokens) != tokens {
		t.Errorf("%d tokens are in the file, want %d", len(credentials.Tokens), tokens)
	}
}
