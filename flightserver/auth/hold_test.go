package auth

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// What is under way by credentials that are taken out of the file ends, and
// nothing else.
func TestHold(t *testing.T) {
	_, etl := NewToken("etl", settings.RoleReader)
	_, second := NewToken("etl", settings.RoleReader)
	arya, loader := aUser("arya"), settings.ClientCertificate{CommonName: "loader", Role: settings.RoleReader}
	whole := func() *settings.Credentials {
		return &settings.Credentials{
			Anonymous: settings.RoleReader, Tokens: []settings.Token{etl, second}, Users: []settings.User{arya},
			ClientCertificates: []settings.ClientCertificate{loader},
			ServiceAccounts:    bound(settings.RoleReader),
		}
	}
	held := map[string]Credential{
		"etl": {settings.SubjectToken, "etl", etl.KeyID}, "second": {settings.SubjectToken, "etl", second.KeyID},
		"arya": identityOf(arya).Credential, "loader": certificateIdentity(loader).Credential, "anonymous": anonymous("").Credential,
		"report": {settings.SubjectServiceAccount, "bi/report", "a token's id"},
	}
	for name, tc := range map[string]struct {
		edit func(*settings.Credentials)
		ends string
	}{
		"Unchanged":       {edit: func(c *settings.Credentials) { c.Tokens[0].Role = settings.RoleWriter }},
		"TokenExpires":    {edit: func(c *settings.Credentials) { c.Tokens[0].NotAfter = metav1.Unix(1, 0) }},
		"TokenRemoved":    {edit: func(c *settings.Credentials) { c.Tokens = c.Tokens[1:] }, ends: "etl"},
		"TokenOfAnother":  {edit: func(c *settings.Credentials) { c.Tokens[0].Name = "elt" }, ends: "etl"},
		"UserRemoved":     {edit: func(c *settings.Credentials) { c.Users = nil }, ends: "arya"},
		"PasswordChanged": {edit: func(c *settings.Credentials) { c.Users = []settings.User{aUser("arya")} }, ends: "arya"},
		"NoCertificates":  {edit: func(c *settings.Credentials) { c.ClientCertificates = nil }, ends: "loader"},
		"BindingRemoved":  {edit: func(c *settings.Credentials) { c.ServiceAccounts.Bindings[0].Name = "reporter" }, ends: "report"},
		"AccountPromoted": {edit: func(c *settings.Credentials) { c.ServiceAccounts.Bindings[0].Role = settings.RoleAdmin }},
		"NoAccounts":      {edit: func(c *settings.Credentials) { c.ServiceAccounts = nil }, ends: "report"},
		"NobodyAnonymous": {edit: func(c *settings.Credentials) { c.Anonymous = "" }, ends: "anonymous"},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeCredentials(t, filepath.Join(t.TempDir(), "auth.yaml"), whole())
			a := open(t, path)
			calls := map[string]func() error{}
			for who, credential := range held {
				ctx, release := a.Hold(t.Context(), Identity{Credential: credential})
				defer release()
				calls[who] = func() error { return context.Cause(ctx) }
			}
			after := whole()
			tc.edit(after)
			writeCredentials(t, path, after)
			a.reload()
			for who, cause := range calls {
				if revoked := errors.Is(cause(), ErrRevoked); revoked != (who == tc.ends) {
					t.Errorf("the call of %s: revoked %t", who, revoked)
				}
				if _, err := a.Find(held[who]); (err != nil) != (who == tc.ends) {
					t.Errorf("%s afterwards: %v", who, err)
				}
			}
			if tc.ends == "" {
				return
			}
			ctx, release := a.Hold(t.Context(), Identity{Credential: held[tc.ends]})
			defer release()
			if !errors.Is(context.Cause(ctx), ErrRevoked) {
				t.Error("a call that was authenticated before the change, and held after it, goes on")
			}
		})
	}
}

// A call by a bearer ends with the key that signed it, and no other does.
func TestHoldEndsWithTheSigningKey(t *testing.T) {
	a := open(t, writeCredentials(t, filepath.Join(t.TempDir(), "auth.yaml"), &settings.Credentials{Users: []settings.User{aUser("arya")}}))
	_, bearer, err := a.LogIn(t.Context(), "", "arya", needle)
	if err != nil {
		t.Fatal(err)
	}
	byBearer, _, err := a.Authenticate(t.Context(), Evidence{Header: "Bearer " + bearer})
	if err != nil {
		t.Fatal(err)
	}
	byPassword := identityOf(aUser("arya"))
	byPassword.Credential = byBearer.Credential
	bearerCall, release := a.Hold(t.Context(), byBearer)
	defer release()
	passwordCall, release := a.Hold(t.Context(), byPassword)
	defer release()
	if err := makeKeys(a.keys.file.path); err != nil {
		t.Fatal(err)
	}
	a.reload()
	late, release := a.Hold(t.Context(), byBearer)
	defer release()
	if !errors.Is(context.Cause(bearerCall), ErrRevoked) || !errors.Is(context.Cause(late), ErrRevoked) {
		t.Error("a call by a bearer goes on without the key that signed it")
	}
	if passwordCall.Err() != nil {
		t.Error("a call by a password ended with a key")
	}
}

func TestHoldForgetsWhatHasEnded(t *testing.T) {
	a := open(t, "")
	_, release := a.Hold(t.Context(), anonymous(settings.RoleAdmin))
	_, again := a.Hold(t.Context(), anonymous(settings.RoleAdmin))
	release()
	again()
	if len(a.held.calls) != 0 {
		t.Errorf("%d are held", len(a.held.calls))
	}
}
