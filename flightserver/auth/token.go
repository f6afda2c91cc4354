package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// A token's text is fl1_<keyID>_<secret>: the key id finds the digest, so that
// one digest is compared and not all of them.
const (
	tokenPrefix = "fl1_"
	keyIDBytes  = 6
	secretBytes = 32
)

// NewToken makes a token: its text, for its owner alone, and its digest, for the
// credentials file.
func NewToken(name string, role settings.Role) (text string, digest settings.Token) {
	keyID := hex.EncodeToString(random(keyIDBytes))
	text = tokenPrefix + keyID + "_" + base64.RawURLEncoding.EncodeToString(random(secretBytes))
	return text, settings.Token{Name: name, KeyID: keyID, SHA256: Digest(text), Role: role}
}

// Digest gives what the credentials file holds of a token's text.
func Digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// keyID gives the part of a token that finds its digest; empty where there is
// none. It never holds an underscore; the secret may.
func keyID(text string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(text, tokenPrefix), "_")
	return id
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}
