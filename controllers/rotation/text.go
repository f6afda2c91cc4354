package rotation

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"regexp"
)

const (
	tokenPrefix = "fl1_"
	keyIDBytes  = 8
	secretBytes = 32
)

// tokenText is the form of a token; its group is the key's id.
var (
	tokenText  = regexp.MustCompile(`^fl1_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$`)
	keyIDText  = regexp.MustCompile(`^[0-9a-f]{16}$`)
	digestText = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// newText makes the text of a bearer token.
func newText() string {
	return tokenPrefix + hex.EncodeToString(random(keyIDBytes)) + "_" + base64.RawURLEncoding.EncodeToString(random(secretBytes))
}

// keyID tells the id of a token's key, and whether text is a token at all.
func keyID(text string) (string, bool) {
	match := tokenText.FindStringSubmatch(text)
	if match == nil {
		return "", false
	}
	return match[1], true
}

// digest is all that a server holds of a token.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}
