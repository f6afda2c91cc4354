package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"time"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// credentials is a loaded file; it does not change.
type credentials struct {
	revision  string
	open      bool // there is no file: everybody is let in
	anonymous settings.Role
	byKeyID   map[string]token
	users     []settings.User
	byName    map[string]settings.User
	byCommon  map[string]settings.ClientCertificate
	audience  string // of tokens of ServiceAccounts; empty: none are taken
	accounts  map[string]settings.Role
	nobody    string            // a hash to compute where there are no users
	noDigest  [sha256.Size]byte // to compare with where a key id is not known
}

// token is one of the file, with its digest decoded.
type token struct {
	settings.Token

	digest [sha256.Size]byte
}

func newCredentials(revision string, file *settings.Credentials) *credentials {
	c := &credentials{
		revision:  revision,
		anonymous: file.Anonymous,
		byKeyID:   map[string]token{},
		users:     file.Users,
		byName:    map[string]settings.User{},
		byCommon:  map[string]settings.ClientCertificate{},
		nobody:    settings.HashPassword(""),
		noDigest:  [sha256.Size]byte(random(sha256.Size)),
	}
	for _, t := range file.Tokens {
		known := token{Token: t}
		_, _ = hex.Decode(known.digest[:], []byte(t.SHA256)) // which the file's validation did before
		c.byKeyID[t.KeyID] = known
	}
	for _, u := range file.Users {
		c.byName[u.Name] = u
	}
	for _, each := range file.ClientCertificates {
		c.byCommon[each.CommonName] = each
	}
	if file.ServiceAccounts != nil {
		c.audience, c.accounts = file.ServiceAccounts.Audience, map[string]settings.Role{}
		for _, b := range file.ServiceAccounts.Bindings {
			c.accounts[settings.ServiceAccountName(b.Namespace, b.Name)] = b.Role
		}
	}
	return c
}

// withoutHeader gives the identity of a certificate, else that of anybody.
func (c *credentials) withoutHeader(commonName string) (Identity, error) {
	if known, ok := c.byCommon[commonName]; ok {
		return certificateIdentity(known), nil
	}
	if c.anonymous == "" {
		return Identity{}, ErrNoCredentials
	}
	return anonymous(c.anonymous), nil
}

// withToken does the same for every text of a token, so that the time it takes
// tells nothing of what the file holds.
func (c *credentials) withToken(text string, now time.Time) (Identity, error) {
	known, ok := c.byKeyID[keyID(text)]
	if !ok {
		known.digest = c.noDigest
	}
	sent := sha256.Sum256([]byte(text))
	if subtle.ConstantTimeCompare(sent[:], known.digest[:]) != 1 {
		return Identity{}, errUnknownToken
	}
	return known.at(now)
}

// at gives the token's identity while it is good.
func (t token) at(now time.Time) (Identity, error) {
	switch {
	case !t.NotBefore.IsZero() && now.Before(t.NotBefore.Time):
		return Identity{}, errTokenEarly
	case !t.NotAfter.IsZero() && !now.Before(t.NotAfter.Time):
		return Identity{}, errTokenExpired
	}
	return Identity{Credential: Credential{settings.SubjectToken, t.Name, t.KeyID}, Role: t.Role}, nil
}

func identityOf(u settings.User) Identity {
	return Identity{Credential: Credential{settings.SubjectUser, u.Name, passwordVersion(u)}, Role: u.Role}
}

func certificateIdentity(c settings.ClientCertificate) Identity {
	return Identity{Credential: Credential{Kind: settings.SubjectCertificate, Name: c.CommonName}, Role: c.Role}
}

// find gives the identity of credentials that were shown before, as the file has
// it now; none where they are gone. A token that is over is there as long as it
// is in the file.
func (c *credentials) find(shown Credential) (Identity, bool) {
	var id Identity
	switch {
	case c.open || (shown.Kind == KindAnonymous && c.anonymous != ""):
		id = anonymous(c.anonymous)
	case shown.Kind == settings.SubjectToken:
		t := c.byKeyID[shown.Version]
		id = Identity{Credential: Credential{settings.SubjectToken, t.Name, t.KeyID}, Role: t.Role}
	case shown.Kind == settings.SubjectUser:
		id = identityOf(c.byName[shown.Name])
	case shown.Kind == settings.SubjectCertificate:
		id = certificateIdentity(c.byCommon[shown.Name])
	case shown.Kind == settings.SubjectServiceAccount:
		id = c.account(shown.Name, shown.Version)
	}
	return id, id.Role != "" && (c.open || id.Credential == shown)
}
