package auth

import (
	"encoding/base64"
	"strings"
)

// maxBasic bounds the text of Basic credentials: they hold a name and a
// password, not a document.
const maxBasic = 4096

// decodeBasic reads what follows "Basic " in an authorization header. Clients
// differ: some pad the base64, some do not.
func decodeBasic(text string) (user, password string, err error) {
	text = strings.TrimRight(strings.TrimSpace(text), "=")
	if len(text) > maxBasic {
		return "", "", ErrInvalidPassword
	}
	decoded, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return "", "", ErrInvalidPassword
	}
	user, password, ok := strings.Cut(string(decoded), ":")
	if !ok {
		return "", "", ErrInvalidPassword
	}
	return user, password, nil
}
