package settings

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// KindSigningKeys is the kind of the file of signing keys.
const KindSigningKeys = "SigningKeys"

// SigningKeyBytes is the least that a signing key has.
const SigningKeyBytes = 32

// BearerLife is how long a bearer that a password was traded for lasts: what is
// signed with these keys lasts no longer. It ends sooner with its user, or with
// the password that it was made from.
const BearerLife = 12 * time.Hour

// SigningKeys is the content of a file of secrets that servers sign with. The
// first key signs, all of them verify: a key is replaced by putting a new one
// first, and the old one taken out when what it signed has expired.
type SigningKeys struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Keys       []SigningKey `json:"keys"`
}

// SigningKey is one secret.
type SigningKey struct {
	ID  string `json:"id"`  // tells which key signed
	Key string `json:"key"` // base64 of at least 32 random bytes
}

// NewSigningKey makes a random one.
func NewSigningKey() SigningKey {
	const idBytes = 8
	return SigningKey{
		ID:  hex.EncodeToString(random(idBytes)),
		Key: base64.StdEncoding.EncodeToString(random(SigningKeyBytes)),
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}

// Secret gives the key's bytes.
func (k SigningKey) Secret() ([]byte, error) { return base64.StdEncoding.DecodeString(k.Key) }

// ParseSigningKeys decodes and validates the content of a file of signing keys.
// Errors quote no key.
func ParseSigningKeys(data []byte) (*SigningKeys, error) {
	k := &SigningKeys{}
	if err := yaml.UnmarshalStrict(data, k); err != nil {
		return nil, fmt.Errorf("settings: signing keys: %w", err)
	}
	if err := k.validate().ToAggregate(); err != nil {
		return nil, fmt.Errorf("settings: signing keys: %w", err)
	}
	return k, nil
}

// Marshal gives the file's content, the same bytes for equal keys.
func (k *SigningKeys) Marshal() ([]byte, error) {
	k.APIVersion, k.Kind = APIVersion, KindSigningKeys
	return yaml.Marshal(k)
}

func (k *SigningKeys) validate() field.ErrorList {
	errs := validateHeader(k.APIVersion, k.Kind, KindSigningKeys)
	if len(k.Keys) == 0 {
		errs = append(errs, field.Required(field.NewPath("keys"), "the first one signs"))
	}
	seen := map[string]bool{}
	for i, key := range k.Keys {
		at := field.NewPath("keys").Index(i)
		switch {
		case key.ID == "":
			errs = append(errs, field.Required(at.Child("id"), "tells which key signed"))
		case seen[key.ID]:
			errs = append(errs, field.Duplicate(at.Child("id"), key.ID))
		}
		seen[key.ID] = true
		if secret, err := key.Secret(); err != nil || len(secret) < SigningKeyBytes {
			errs = append(errs, field.Invalid(at.Child("key"), field.OmitValueType{},
				fmt.Sprintf("must be base64 of at least %d bytes", SigningKeyBytes)))
		}
	}
	return errs
}
