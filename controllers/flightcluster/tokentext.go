package flightcluster

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
var tokenText = regexp.MustCompile(`^fl1_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$`)

// newToken makes the text of a bearer token.
func newToken() (string, error) {
	random := make([]byte, keyIDBytes+secretBytes)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	id := hex.EncodeToString(random[:keyIDBytes])
	return tokenPrefix + id + "_" + base64.RawURLEncoding.EncodeToString(random[keyIDBytes:]), nil
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
