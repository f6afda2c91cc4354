package rotation

import "github.com/flight-operator/flight-operator/flightserver/settings"

// User is what is remembered of a password, so that it is hashed once.
type User struct {
	Name string `json:"name"`
	// Source names the Secret's content that the hash was made from.
	Source       string `json:"source"`
	PasswordHash string `json:"passwordHash"`
}

// With gives the user with the password that a source holds. A password that is
// the same keeps its hash: another would end the user's sessions.
func (u User) With(source, password string) User {
	if u.Source == source && u.PasswordHash != "" {
		return u
	}
	u.Source = source
	if u.PasswordHash == "" || !settings.MatchesPassword(u.PasswordHash, password) {
		u.PasswordHash = settings.HashPassword(password)
	}
	return u
}
