package settings

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// KindCredentials is the kind of the credentials file.
const KindCredentials = "Credentials"

// Role is what a credential may do with every dataset that has no access rules
// of its own.
type Role string

// Roles; each may do what the one before it may.
const (
	RoleReader Role = "Reader" // list, describe, read
	RoleWriter Role = "Writer" // create, replace, append, drop
	RoleAdmin  Role = "Admin"  // everything, also where access rules leave it out
)

// Roles lists them, least first.
func Roles() []Role { return []Role{RoleReader, RoleWriter, RoleAdmin} }

// Credentials is the content of --auth-file. It holds digests and hashes only:
// the file gives nobody access.
type Credentials struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Anonymous is the role of a call without credentials; empty refuses it.
	Anonymous          Role                `json:"anonymous,omitempty"`
	Tokens             []Token             `json:"tokens,omitempty"`
	Users              []User              `json:"users,omitempty"`
	ClientCertificates []ClientCertificate `json:"clientCertificates,omitempty"`
	// ServiceAccounts are let in by tokens of Kubernetes; nil: none are.
	ServiceAccounts *ServiceAccounts `json:"serviceAccounts,omitempty"`
}

// Token is one bearer token's digest. The token's text is
// fl1_<keyID>_<43 base64url characters of 32 random bytes>.
type Token struct {
	Name   string `json:"name"`   // the identity's name, for people
	KeyID  string `json:"keyID"`  // finds the digest, tells tokens of one name apart
	SHA256 string `json:"sha256"` // of the token's whole text, 64 hex digits
	Role   Role   `json:"role"`
	// NotBefore and NotAfter bound when calls may be made with the token; zero is
	// no bound.
	NotBefore metav1.Time `json:"notBefore,omitzero"`
	NotAfter  metav1.Time `json:"notAfter,omitzero"`
}

// User may log in with a password. Its bearers end when it is removed or its
// hash changes.
type User struct {
	Name string `json:"name"` // of 1 to 128 bytes, no colon
	// PasswordHash is $argon2id$v=19$m=…,t=…,p=…$SALT$HASH, or bcrypt's $2b$….
	PasswordHash string `json:"passwordHash"`
	Role         Role   `json:"role"`
}

// ClientCertificate gives a role to whoever connects with a certificate of one
// of the data port's client CAs that has this common name.
type ClientCertificate struct {
	CommonName string `json:"commonName"`
	Role       Role   `json:"role"`
}

// maxUserName bounds what travels in every bearer.
const maxUserName = 128

// ParseCredentials decodes and validates the content of a credentials file.
func ParseCredentials(data []byte) (*Credentials, error) {
	c := &Credentials{}
	if err := yaml.UnmarshalStrict(data, c); err != nil {
		return nil, fmt.Errorf("settings: credentials: %w", err)
	}
	if err := c.validate().ToAggregate(); err != nil {
		return nil, fmt.Errorf("settings: credentials: %w", err)
	}
	return c, nil
}

// Marshal gives the file's content, the same bytes for equal credentials.
func (c *Credentials) Marshal() ([]byte, error) {
	c.APIVersion, c.Kind = APIVersion, KindCredentials
	return yaml.Marshal(c)
}

// Revision names the content of a file: the start of its SHA-256 in hex. A
// server reports what it has loaded, the operator compares with what it wrote.
func Revision(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

func (c *Credentials) validate() field.ErrorList {
	errs := validateHeader(c.APIVersion, c.Kind, KindCredentials)
	if c.Anonymous != "" {
		errs = append(errs, validateRole(field.NewPath("anonymous"), c.Anonymous)...)
	}
	errs = append(errs, c.validateTokens()...)
	errs = append(errs, c.validateUsers()...)
	errs = append(errs, c.validateCertificates()...)
	return append(errs, c.ServiceAccounts.validate(field.NewPath("serviceAccounts"))...)
}

func (c *Credentials) validateTokens() field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, t := range c.Tokens {
		at := field.NewPath("tokens").Index(i)
		if t.Name == "" {
			errs = append(errs, field.Required(at.Child("name"), "names the identity"))
		}
		switch {
		case t.KeyID == "":
			errs = append(errs, field.Required(at.Child("keyID"), "is the part of the token between its underscores"))
		case seen[t.KeyID]:
			errs = append(errs, field.Duplicate(at.Child("keyID"), t.KeyID))
		}
		seen[t.KeyID] = true
		if b, err := hex.DecodeString(t.SHA256); err != nil || len(b) != sha256.Size {
			// Not quoted: a token may have been pasted here.
			errs = append(errs, field.Invalid(at.Child("sha256"), field.OmitValueType{}, "must be 64 hex digits"))
		}
		if !t.NotBefore.IsZero() && !t.NotAfter.IsZero() && !t.NotBefore.Before(&t.NotAfter) {
			errs = append(errs, field.Invalid(at.Child("notAfter"), t.NotAfter.String(), "must be later than notBefore"))
		}
		errs = append(errs, validateRole(at.Child("role"), t.Role)...)
	}
	return errs
}

func (c *Credentials) validateCertificates() field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, each := range c.ClientCertificates {
		at := field.NewPath("clientCertificates").Index(i)
		switch {
		case each.CommonName == "" || len(each.CommonName) > maxSubjectName:
			errs = append(errs, field.Invalid(at.Child("commonName"), each.CommonName, fmt.Sprintf("must have 1 to %d bytes", maxSubjectName)))
		case seen[each.CommonName]:
			errs = append(errs, field.Duplicate(at.Child("commonName"), each.CommonName))
		}
		seen[each.CommonName] = true
		errs = append(errs, validateRole(at.Child("role"), each.Role)...)
	}
	return errs
}

func (c *Credentials) validateUsers() field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, u := range c.Users {
		at := field.NewPath("users").Index(i)
		switch {
		case u.Name == "" || len(u.Name) > maxUserName || !isPlain(u.Name):
			errs = append(errs, field.Invalid(at.Child("name"), u.Name,
				fmt.Sprintf("must have 1 to %d bytes of printable UTF-8 without a colon, which ends it in Basic credentials", maxUserName)))
		case seen[u.Name]:
			errs = append(errs, field.Duplicate(at.Child("name"), u.Name))
		}
		seen[u.Name] = true
		if err := CheckPasswordHash(u.PasswordHash); err != nil {
			// Not quoted: a password may have been pasted here.
			errs = append(errs, field.Invalid(at.Child("passwordHash"), field.OmitValueType{}, err.Error()))
		}
		errs = append(errs, validateRole(at.Child("role"), u.Role)...)
	}
	return errs
}

func isPlain(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool {
		return r == ':' || !unicode.IsPrint(r)
	})
}

func validateRole(at *field.Path, r Role) field.ErrorList {
	if slices.Contains(Roles(), r) {
		return nil
	}
	return field.ErrorList{field.NotSupported(at, r, Roles())}
}
