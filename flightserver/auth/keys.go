package auth

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/renameio/v2"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Keys sign claims and verify them. Servers that have the same keys take each
// other's claims. Any number of goroutines may use them.
type Keys struct {
	first  string // the key that signs
	byID   map[string][]byte
	clock  clock.PassiveClock
	parser *jwt.Parser
}

// OpenKeys loads a file of settings.SigningKeys. With create, one that is
// missing is made, with one random key.
func OpenKeys(path string, create bool, now clock.PassiveClock) (*Keys, error) {
	content, err := os.ReadFile(path)
	if create && errors.Is(err, fs.ErrNotExist) {
		content, err = makeKeys(path)
	}
	if err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	file, err := settings.ParseSigningKeys(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	k := &Keys{first: file.Keys[0].ID, byID: map[string][]byte{}, clock: now}
	for _, key := range file.Keys {
		if k.byID[key.ID], err = key.Secret(); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	k.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Name}),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(now.Now))
	return k, nil
}

func makeKeys(path string) ([]byte, error) {
	file := settings.SigningKeys{Keys: []settings.SigningKey{{
		ID:  hex.EncodeToString(random(keyIDBytes)),
		Key: base64.StdEncoding.EncodeToString(random(settings.SigningKeyBytes)),
	}}}
	content, err := file.Marshal()
	if err != nil {
		return nil, err
	}
	// Should the file be lost with the power, callers log in anew: no fsync of
	// the directory is needed.
	return content, renameio.WriteFile(path, content, 0o600)
}

// Sign gives the claims as text that anybody can read and nobody can change.
func (k *Keys) Sign(claims jwt.Claims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	token.Header["kid"] = k.first
	text, err := token.SignedString(k.byID[k.first])
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return text, nil
}

// Verify reads claims that one of the keys signed for the audience and that
// have not expired; jwt.ErrTokenExpired tells this fault from others.
func (k *Keys) Verify(text, audience string, into jwt.Claims) error {
	_, err := k.parser.ParseWithClaims(text, into, func(token *jwt.Token) (any, error) {
		id, _ := token.Header["kid"].(string)
		key, ok := k.byID[id]
		if !ok {
			return nil, jwt.ErrTokenUnverifiable
		}
		return key, nil
	})
	if err != nil {
		return err
	}
	// Claims of one use must not serve another, though one key signs both.
	audiences, err := into.GetAudience()
	if err != nil || len(audiences) != 1 || audiences[0] != audience {
		return jwt.ErrTokenInvalidAudience
	}
	return nil
}
