package auth

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func TestTokensHaveTheirTime(t *testing.T) {
	start := time.Unix(1e9, 0)
	old, oldDigest := NewToken("etl", settings.RoleReader)
	young, youngDigest := NewToken("etl", settings.RoleWriter)
	oldDigest.NotAfter = metav1.NewTime(start.Add(2 * time.Hour))
	youngDigest.NotBefore = metav1.NewTime(start.Add(time.Hour))
	now := testclock.NewFakeClock(start)
	a := openAt(t, writeCredentials(t, filepath.Join(t.TempDir(), "auth.yaml"),
		&settings.Credentials{Tokens: []settings.Token{oldDigest, youngDigest}}), now)
	for _, tc := range []struct {
		at         time.Duration
		old, young bool
		failure    string
	}{
		{at: 0, old: true, failure: "token_not_yet_valid"},
		{at: time.Hour, old: true, young: true},
		{at: 2*time.Hour - time.Second, old: true, young: true},
		{at: 2 * time.Hour, young: true, failure: "token_expired"},
	} {
		now.SetTime(start.Add(tc.at))
		for text, good := range map[string]bool{old: tc.old, young: tc.young} {
			id, _, err := a.Authenticate(t.Context(), Evidence{Header: "Bearer " + text})
			if good != (err == nil) || (good && id.Name != "etl") || (!good && (!errors.Is(err, ErrInvalidToken) || Reason(err) != tc.failure)) {
				t.Errorf("after %s, a token that is good %t: %+v, %v", tc.at, good, id, err)
			}
		}
	}
}

func TestCertificates(t *testing.T) {
	token, digest := NewToken("etl", settings.RoleReader)
	file := settings.Credentials{
		Tokens:             []settings.Token{digest},
		ClientCertificates: []settings.ClientCertificate{{CommonName: "loader", Role: settings.RoleWriter}},
	}
	public := file
	public.Anonymous = settings.RoleReader
	loader := Identity{Credential: Credential{Kind: settings.SubjectCertificate, Name: "loader"}, Role: settings.RoleWriter}
	for name, tc := range map[string]struct {
		reason   string
		file     settings.Credentials
		evidence Evidence
		want     Credential
		err      error
	}{
		"Certificate":      {file: file, evidence: Evidence{CommonName: "loader"}, want: loader.Credential},
		"EmptyToken":       {reason: "the scheme alone is no token", file: file, evidence: Evidence{CommonName: "loader", Header: "Bearer "}, want: loader.Credential},
		"TokenDecides":     {file: file, evidence: Evidence{CommonName: "loader", Header: "Bearer " + token}, want: Credential{settings.SubjectToken, "etl", digest.KeyID}},
		"WrongToken":       {reason: "a certificate does not make it good", file: file, evidence: Evidence{CommonName: "loader", Header: "Bearer x"}, err: ErrInvalidToken},
		"WrongPassword":    {reason: "nor this", file: file, evidence: Evidence{CommonName: "loader", Header: basic("loader", "x")}, err: ErrInvalidPassword},
		"Unknown":          {reason: "a certificate alone is nobody's", file: file, evidence: Evidence{CommonName: "stranger"}, err: ErrNoCredentials},
		"UnknownAnonymous": {reason: "where anybody may read", file: public, evidence: Evidence{CommonName: "stranger"}, want: anonymous("").Credential},
		"NoName":           {reason: "the empty name is nobody's", file: file, err: ErrNoCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t, writeCredentials(t, filepath.Join(t.TempDir(), "auth.yaml"), &tc.file))
			id, _, err := a.Authenticate(t.Context(), tc.evidence)
			if id.Credential != tc.want || !errors.Is(err, tc.err) {
				t.Errorf("%+v, %v, want %+v, %v: %s", id, err, tc.want, tc.err, tc.reason)
			}
		})
	}
}

// Who guesses is refused, and whoever shares the address with right credentials
// is not.
func TestFailuresAreLimited(t *testing.T) {
	const most = 5
	now := testclock.NewFakeClock(time.Unix(1e9, 0))
	token, digest := NewToken("etl", settings.RoleReader)
	a := openAt(t, writeCredentials(t, filepath.Join(t.TempDir(), "auth.yaml"),
		&settings.Credentials{Tokens: []settings.Token{digest}, Users: []settings.User{aUser("arya"), aUser("sansa")}}), now)
	a.failures.perMinute = most
	call := func(peer, header string) error {
		_, _, err := a.Authenticate(t.Context(), Evidence{Header: header, Peer: peer})
		return err
	}
	if err := call("10.0.0.1:1", basic("arya", needle)); err != nil {
		t.Fatal(err)
	}
	for i := range most {
		if err := call(fmt.Sprint("10.0.0.1:", 1000+i), "Bearer fl1_x_y"); !errors.Is(err, ErrInvalidToken) {
			t.Fatalf("failure %d: %v", i, err)
		}
	}
	for name, tc := range map[string]struct {
		peer, header string
		want         error
	}{
		"Token":         {"10.0.0.1:2", "Bearer fl1_x_y", ErrTooManyFailures},
		"Password":      {"10.0.0.1:2", basic("arya", "x"), ErrTooManyFailures},
		"UnseenRight":   {"10.0.0.1:2", basic("sansa", needle), ErrTooManyFailures}, // it costs to check
		"SeenRight":     {"10.0.0.1:2", basic("arya", needle), nil},
		"RightToken":    {"10.0.0.1:2", "Bearer " + token, nil},
		"NoCredentials": {"10.0.0.1:2", "", ErrNoCredentials},
		"OtherMachine":  {"10.0.0.2:2", "Bearer fl1_x_y", ErrInvalidToken},
	} {
		if err := call(tc.peer, tc.header); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	now.SetTime(now.Now().Add(time.Minute))
	if err := call("10.0.0.1:2", basic("sansa", needle)); err != nil {
		t.Errorf("a minute later: %v", err)
	}
	if n := testutil.ToFloat64(a.metrics.failures.WithLabelValues("unknown_token")); n != most+2 {
		t.Errorf("%v unknown tokens are counted, want %d", n, most+2)
	}
}

func TestMachine(t *testing.T) {
	for peer, want := range map[string]string{
		"10.0.0.1:80":                "10.0.0.1",
		"[::ffff:10.0.0.1]:80":       "10.0.0.1",
		"[2001:db8:0:1:2:3:4:5]:80":  "2001:db8:0:1::/64",
		"[fe80::1%eth0]:80":          "fe80::/64",
		"@":                          "@",
		"":                           "",
		"[2001:db8:0:1:ffff::1]:443": "2001:db8:0:1::/64",
	} {
		if got := machine(peer); got != want {
			t.Errorf("machine(%q) = %q, want %q", peer, got, want)
		}
	}
}

// However many addresses failures come from, the memory for them is bounded, and
// those that came last are known.
func TestFailuresTakeBoundedMemory(t *testing.T) {
	f := newThrottle(testclock.NewFakeClock(time.Unix(1e9, 0)), 1)
	for i := range 3*maxPeers + 10 {
		f.add(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255))
	}
	if n := len(f.recent) + len(f.older); n > 2*maxPeers {
		t.Errorf("%d peers are known", n)
	}
	last := 3*maxPeers + 9
	if !f.tooMany(fmt.Sprintf("10.%d.%d.%d:2", last>>16, last>>8&255, last&255)) {
		t.Error("the last peer was forgotten")
	}
}
