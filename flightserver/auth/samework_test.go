package auth

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// What is unknown takes the way of what is wrong: the time of an answer then
// tells nothing. That is seen by what decides on the way.

func TestUnknownTokenIsCompared(t *testing.T) {
	text, digest := NewToken("etl", settings.RoleReader)
	for name, tokens := range map[string][]settings.Token{"no token": nil, "another": {digest}} {
		t.Run(name, func(t *testing.T) {
			c := newCredentials("1", &settings.Credentials{Tokens: tokens})
			unknown, _ := NewToken("etl", settings.RoleReader)
			for _, text := range []string{unknown, tokenPrefix, tokenPrefix + "0123456789ab_"} {
				if _, err := c.withToken(text, time.Now()); !errors.Is(err, errUnknownToken) {
					t.Errorf("%q: got %v", text, err)
				}
				stands := *c
				stands.noDigest = sha256.Sum256([]byte(text))
				if id, err := stands.withToken(text, time.Now()); err != nil || id.Role != "" {
					t.Errorf("%q: got %+v, %v: nothing was compared", text, id, err)
				}
			}
		})
	}
	c := newCredentials("1", &settings.Credentials{Tokens: []settings.Token{digest}})
	for i := range 2000 { // so many that some digest begins as the right one does
		if _, err := c.withToken(fmt.Sprint(text, i), time.Now()); !errors.Is(err, errUnknownToken) {
			t.Fatalf("a known key id with a wrong secret: got %v", err)
		}
	}
}

func TestUnknownUserIsHashed(t *testing.T) {
	c := newCredentials("1", &settings.Credentials{Users: []settings.User{aUser("arya")}})
	l := newLogins(testclock.NewFakeClock(time.Now()))
	for range maxWaitingLogins {
		l.hashing.all <- struct{}{}
	}
	for _, name := range []string{"arya", "cersei", ""} {
		if err := l.check(t.Context(), c, name, "needle"); !errors.Is(err, ErrBusy) {
			t.Errorf("%q: got %v: no hash was asked for", name, err)
		}
	}
}
