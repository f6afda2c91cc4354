package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/renameio/v2"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Keys sign claims and verify them. Servers that have the same keys take each
// other's claims. Any number of goroutines may use them.
type Keys struct {
	file   followed // of settings.SigningKeys; whoever follows it reloads it
	loaded atomic.Pointer[keySet]
	clock  clock.PassiveClock
	parser *jwt.Parser
}

// keySet is a loaded file; it does not change.
type keySet struct {
	revision string
	header   string    // of all that is signed, encoded
	macs     sync.Pool // of the key that signs
	byID     map[string][]byte
}

// OpenKeys loads a file of settings.SigningKeys. With create, one that is
// missing is made, with one random key.
func OpenKeys(path string, create bool, now clock.PassiveClock) (*Keys, error) {
	k := &Keys{clock: now, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Name}),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(now.Now))}
	k.file = followed{path: path, apply: k.apply}
	err := k.file.load()
	if create && errors.Is(err, fs.ErrNotExist) {
		if err = makeKeys(path); err == nil {
			err = k.file.load()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	return k, nil
}

// Revision names the content of the file that is in force.
func (k *Keys) Revision() string { return k.loaded.Load().revision }

func (k *Keys) apply(content []byte, revision string) error {
	file, err := settings.ParseSigningKeys(content)
	if err != nil {
		return err
	}
	set := &keySet{revision: revision, byID: map[string][]byte{}}
	for _, key := range file.Keys {
		if set.byID[key.ID], err = key.Secret(); err != nil {
			return err
		}
	}
	first := file.Keys[0].ID
	header, err := json.Marshal(map[string]string{"alg": jwt.SigningMethodHS256.Name, "typ": "JWT", "kid": first})
	if err != nil {
		return err
	}
	set.header = base64.RawURLEncoding.EncodeToString(header)
	set.macs.New = func() any { return hmac.New(sha256.New, set.byID[first]) }
	k.loaded.Store(set)
	return nil
}

func makeKeys(path string) error {
	file := settings.SigningKeys{Keys: []settings.SigningKey{settings.NewSigningKey()}}
	content, err := file.Marshal()
	if err != nil {
		return err
	}
	// Should the file be lost with the power, callers log in anew: no fsync of
	// the directory is needed.
	return renameio.WriteFile(path, content, 0o600)
}

// Sign gives the claims as text that anybody can read and nobody can change, a
// JSON web token. A listing has one for each of very many datasets, so that what
// all have in common is made once.
func (k *Keys) Sign(claims jwt.Claims) (string, error) {
	set := k.loaded.Load()
	body, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	text := append([]byte(set.header), '.')
	text = base64.RawURLEncoding.AppendEncode(text, body)
	mac := set.macs.Get().(hash.Hash)
	defer set.macs.Put(mac)
	mac.Reset()
	mac.Write(text)
	text = append(text, '.')
	return string(base64.RawURLEncoding.AppendEncode(text, mac.Sum(nil))), nil
}

// Verify reads claims that one of the keys signed for the audience and that
// have not expired, and gives the id of that key; jwt.ErrTokenExpired tells this
// fault from others.
func (k *Keys) Verify(text, audience string, into jwt.Claims) (signer string, err error) {
	set := k.loaded.Load()
	_, err = k.parser.ParseWithClaims(text, into, func(token *jwt.Token) (any, error) {
		signer, _ = token.Header["kid"].(string)
		key, ok := set.byID[signer]
		if !ok {
			return nil, jwt.ErrTokenUnverifiable
		}
		return key, nil
	})
	if err != nil {
		return "", err
	}
	// Claims of one use must not serve another, though one key signs both.
	audiences, err := into.GetAudience()
	if err != nil || len(audiences) != 1 || audiences[0] != audience {
		return "", jwt.ErrTokenInvalidAudience
	}
	return signer, nil
}

// has tells whether what a key signed is good.
func (k *Keys) has(id string) bool {
	_, ok := k.loaded.Load().byID[id]
	return ok
}
