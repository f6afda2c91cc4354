package rotation

import (
	"testing"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func TestPasswordIsHashedOnce(t *testing.T) {
	first := User{Name: "ana"}.With("uid/1", "old")
	if !settings.MatchesPassword(first.PasswordHash, "old") {
		t.Fatalf("the hash %q is not of the password", first.PasswordHash)
	}
	tests := map[string]struct {
		reason           string
		source, password string
		same             bool
	}{
		"at rest":      {"the source tells that nothing changed, without a look at the password", "uid/1", "whatever", true},
		"labelled":     {"a new hash would end the user's sessions", "uid/2", "old", true},
		"new password": {"the former one must not be good any more", "uid/2", "new", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			next := first.With(tc.source, tc.password)
			if (next.PasswordHash == first.PasswordHash) != tc.same || next.Source != tc.source {
				t.Errorf("%s: got %+v after %+v", tc.reason, next, first)
			}
			if !tc.same && !settings.MatchesPassword(next.PasswordHash, tc.password) {
				t.Error("the hash is not of the new password")
			}
		})
	}
}
