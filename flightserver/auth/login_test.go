package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

const needle = "Needle"

// aUser has the password Needle.
func aUser(name string) settings.User {
	return settings.User{Name: name, PasswordHash: settings.HashPassword(needle), Role: settings.RoleWriter}
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestBasic(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("Ice:cold"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	file := &settings.Credentials{Users: []settings.User{
		aUser("arya"), {Name: "jon snow", PasswordHash: string(hash), Role: settings.RoleReader},
	}}
	cases := map[string]struct {
		reason string
		file   *settings.Credentials
		header string
		want   Identity // without its session
		err    error
	}{
		"Argon2id":      {reason: "the right password", file: file, header: basic("arya", needle), want: identityOf(file.Users[0])},
		"Bcrypt":        {reason: "a colon belongs to the password", file: file, header: basic("jon snow", "Ice:cold"), want: identityOf(file.Users[1])},
		"NoPadding":     {reason: "Go's clients do not pad", file: file, header: strings.TrimRight(basic("arya", needle), "="), want: identityOf(file.Users[0])},
		"Lowercase":     {reason: "schemes are compared without case", file: file, header: "basic" + basic("arya", needle)[5:], want: identityOf(file.Users[0])},
		"WrongPassword": {reason: "one letter differs", file: file, header: basic("arya", "needle"), err: ErrInvalidPassword},
		"OtherPassword": {reason: "that of somebody else", file: file, header: basic("arya", "Ice:cold"), err: ErrInvalidPassword},
		"UnknownUser":   {reason: "nobody of that name", file: file, header: basic("cersei", needle), err: ErrInvalidPassword},
		"NoUsers":       {reason: "a file with tokens alone", file: &settings.Credentials{}, header: basic("arya", ""), err: ErrInvalidPassword},
		"NotAnonymous":  {reason: "a wrong password is not nobody", file: &settings.Credentials{Anonymous: settings.RoleReader}, header: basic("arya", ""), err: ErrInvalidPassword},
		"Empty":         {reason: "nothing behind the scheme", file: file, header: "Basic ", err: ErrInvalidPassword},
		"NotBase64":     {reason: "text", file: file, header: "Basic arya:Needle", err: ErrInvalidPassword},
		"NoColon":       {reason: "a name alone", file: file, header: "Basic YXJ5YQ==", err: ErrInvalidPassword},
		"Long":          {reason: "a document", file: file, header: "Basic " + strings.Repeat("YXJ5", 2000), err: ErrInvalidPassword},
		"NoFile":        {reason: "clients that always log in work on a laptop", header: basic("any", "thing"), want: anonymous(settings.RoleAdmin)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := ""
			if tc.file != nil {
				path = writeCredentials(t, filepath.Join(t.TempDir(), "auth.yaml"), tc.file)
			}
			a := open(t, path)
			got, bearer, err := a.Authenticate(t.Context(), Evidence{Header: tc.header})
			if !errors.Is(err, tc.err) || (err == nil) != (bearer != "") {
				t.Fatalf("error = %v, want %v, bearer %q: %s", err, tc.err, bearer, tc.reason)
			}
			if got.Name != tc.want.Name || got.Role != tc.want.Role {
				t.Errorf("identity = %+v, want %+v: %s", got, tc.want, tc.reason)
			}
			if err != nil {
				return
			}
			again, _, err := a.Authenticate(t.Context(), Evidence{Header: "Bearer " + bearer})
			again.signer = "" // which the login itself does not depend on
			if err != nil || again != got || again.Session == "" {
				t.Errorf("the bearer is of %+v, %v, want %+v: %s", again, err, got, tc.reason)
			}
		})
	}
}

func TestBearerEnds(t *testing.T) {
	file := func(users ...settings.User) *settings.Credentials { return &settings.Credentials{Users: users} }
	arya := aUser("arya")
	promoted := arya
	promoted.Role = settings.RoleAdmin
	cases := map[string]struct {
		reason string
		then   *settings.Credentials
		later  time.Duration
		want   settings.Role // empty: refused
	}{
		"Unchanged": {reason: "others may come", then: file(arya, aUser("sansa")), want: settings.RoleWriter},
		"Promoted":  {reason: "the role is the file's, not the bearer's", then: file(promoted), want: settings.RoleAdmin},
		"Removed":   {reason: "a user that is gone", then: file(aUser("sansa"))},
		"Changed":   {reason: "a new password, even the same one", then: file(aUser("arya"))},
		"AlmostOld": {reason: "a second before its end", then: file(arya), later: settings.BearerLife - time.Second, want: settings.RoleWriter},
		"Behind":    {reason: "a server whose clock is behind that of who signed", then: file(arya), later: -5 * time.Minute, want: settings.RoleWriter},
		"Old":       {reason: "its end", then: file(arya), later: settings.BearerLife + time.Second},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			now := testclock.NewFakeClock(time.Unix(1e9, 0))
			path := writeCredentials(t, filepath.Join(t.TempDir(), "auth.yaml"), file(arya))
			a := openAt(t, path, now)
			_, bearer, err := a.LogIn(t.Context(), "", "arya", needle)
			if err != nil {
				t.Fatal(err)
			}
			writeCredentials(t, path, tc.then)
			a.reload()
			now.SetTime(now.Now().Add(tc.later))
			id, _, err := a.Authenticate(t.Context(), Evidence{Header: "Bearer " + bearer})
			if id.Role != tc.want || (tc.want == "" && !errors.Is(err, ErrInvalidToken)) {
				t.Errorf("role = %q, %v, want %q: %s", id.Role, err, tc.want, tc.reason)
			}
		})
	}
}

// A server takes bearers that any of its keys signed, and no others.
func TestKeysRotate(t *testing.T) {
	dir := t.TempDir()
	credentials := writeCredentials(t, filepath.Join(dir, "auth.yaml"), &settings.Credentials{Users: []settings.User{aUser("arya")}})
	secret := func(c string) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(c, 32))) }
	with := func(keys ...settings.SigningKey) *Authenticator {
		content, err := (&settings.SigningKeys{Keys: keys}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "keys.yaml")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		a := open(t, credentials)
		if a.keys, err = OpenKeys(path, false, a.clock); err != nil {
			t.Fatal(err)
		}
		return a
	}
	old, young := settings.SigningKey{ID: "old", Key: secret("o")}, settings.SigningKey{ID: "young", Key: secret("y")}
	forged := settings.SigningKey{ID: "old", Key: secret("f")}
	_, bearer, err := with(old).LogIn(t.Context(), "", "arya", needle)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		server *Authenticator
		want   error
	}{
		"Same":    {with(old), nil},
		"Both":    {with(young, old), nil},
		"Rotated": {with(young), ErrInvalidToken},
		"Forged":  {with(forged), ErrInvalidToken},
	} {
		if _, _, err := tc.server.Authenticate(t.Context(), Evidence{Header: "Bearer " + bearer}); !errors.Is(err, tc.want) {
			t.Errorf("%s: error = %v, want %v", name, err, tc.want)
		}
	}
}

func TestClaimsOfAnotherUseAreNoBearer(t *testing.T) {
	a := open(t, writeCredentials(t, filepath.Join(t.TempDir(), "auth.yaml"), &settings.Credentials{Users: []settings.User{aUser("arya")}}))
	_, bearer, err := a.LogIn(t.Context(), "", "arya", needle)
	if err != nil {
		t.Fatal(err)
	}
	var claims bearerClaims
	if _, err := a.keys.Verify(bearer, bearerAudience, &claims); err != nil {
		t.Fatal(err)
	}
	claims.Audience[0] = "flightserver/other"
	other, err := a.keys.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Authenticate(t.Context(), Evidence{Header: "Bearer " + other}); !errors.Is(err, ErrInvalidToken) {
		t.Errorf("error = %v", err)
	}
}

// A right password is hashed once in a while, a wrong one always.
func TestRightPasswordsAreRemembered(t *testing.T) {
	now := testclock.NewFakeClock(time.Unix(1e9, 0))
	user := aUser("arya")
	c := newCredentials("", &settings.Credentials{Users: []settings.User{user}})
	l := newLogins(now)
	if err := l.check(t.Context(), c, "arya", needle); err != nil {
		t.Fatal(err)
	}
	// Nobody can compute a hash from here on.
	for range cap(l.hashing.all) {
		l.hashing.all <- struct{}{}
	}
	changed := newCredentials("", &settings.Credentials{Users: []settings.User{aUser("arya")}})
	for name, tc := range map[string]struct {
		file           *credentials
		user, password string
		later          time.Duration
		want           error
	}{
		"Remembered": {c, "arya", needle, 0, nil},
		"Wrong":      {c, "arya", "needle", 0, ErrBusy},
		"Unknown":    {c, "cersei", needle, 0, ErrBusy},
		"NewHash":    {changed, "arya", needle, 0, ErrBusy},
		"Forgotten":  {c, "arya", needle, loginMemory + time.Second, ErrBusy},
	} {
		now.SetTime(time.Unix(1e9, 0).Add(tc.later))
		if err := l.check(t.Context(), tc.file, tc.user, tc.password); !errors.Is(err, tc.want) {
			t.Errorf("%s: error = %v, want %v", name, err, tc.want)
		}
	}
}

func TestWaitingForAHashEndsWithTheCall(t *testing.T) {
	c := newCredentials("", &settings.Credentials{Users: []settings.User{aUser("arya")}})
	l := newLogins(testclock.NewFakeClock(time.Unix(1e9, 0)))
	for range cap(l.hashing.inside) {
		l.hashing.inside <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.check(ctx, c, "arya", needle); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	if len(l.hashing.all) != 0 {
		t.Errorf("%d callers still wait", len(l.hashing.all))
	}
}

// Where there are users, a name that nobody has is checked against one of
// theirs: the time tells nothing.
func TestUnknownUsersCostWhatUsersCost(t *testing.T) {
	c := newCredentials("", &settings.Credentials{Users: []settings.User{aUser("arya"), aUser("sansa")}})
	l := newLogins(testclock.NewFakeClock(time.Unix(1e9, 0)))
	stand := map[string]bool{}
	for i := range 64 {
		name := strings.Repeat("x", i)
		first, second := c.standIn(l.mac(name)), c.standIn(l.mac(name))
		if first != second {
			t.Fatalf("%q has two costs", name)
		}
		stand[first.Name] = true
	}
	if len(stand) != 2 {
		t.Errorf("stand-ins = %v, want both users", stand)
	}
}

func TestLoginsAtOnce(t *testing.T) {
	a := open(t, writeCredentials(t, filepath.Join(t.TempDir(), "auth.yaml"), &settings.Credentials{Users: []settings.User{aUser("arya")}}))
	var calls sync.WaitGroup
	for i := range 16 {
		password, want := needle, error(nil)
		if i%4 == 0 {
			password, want = "needle", ErrInvalidPassword
		}
		calls.Go(func() {
			if _, _, err := a.LogIn(context.Background(), "", "arya", password); !errors.Is(err, want) {
				t.Errorf("error = %v, want %v", err, want)
			}
		})
	}
	calls.Wait()
}

func TestSetUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.yaml")
	for _, step := range []struct {
		password string
		role     settings.Role
		bad      bool
	}{{password: "first", role: settings.RoleReader}, {password: "second", role: settings.RoleAdmin}, {role: settings.RoleAdmin, bad: true}, {password: "third", role: "Owner", bad: true}} {
		if err := SetUser(path, "arya", step.password, step.role); (err != nil) != step.bad {
			t.Fatalf("%+v: error = %v", step, err)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(content), "second") {
		t.Error("the file holds the password")
	}
	a := open(t, path)
	if _, _, err := a.LogIn(t.Context(), "", "arya", "first"); !errors.Is(err, ErrInvalidPassword) {
		t.Errorf("the old password: %v", err)
	}
	if id, _, err := a.LogIn(t.Context(), "", "arya", "second"); err != nil || id.Role != settings.RoleAdmin {
		t.Errorf("the new password: %+v, %v", id, err)
	}
}

func FuzzDecodeBasic(f *testing.F) {
	f.Add("YXJ5YTpOZWVkbGU")
	f.Add("YXJ5YTpOZWVkbGU=")
	f.Add(":")
	f.Fuzz(func(t *testing.T, text string) {
		user, password, err := decodeBasic(text)
		if err != nil {
			if !errors.Is(err, ErrInvalidPassword) || user != "" || password != "" {
				t.Errorf("decodeBasic(%q) = %q, %q, %v", text, user, password, err)
			}
			return
		}
		again, secret, err := decodeBasic(base64.StdEncoding.EncodeToString([]byte(user + ":" + password)))
		if strings.Contains(user, ":") || again != user || secret != password || err != nil {
			t.Errorf("decodeBasic(%q) = %q, %q; encoded anew %q, %q, %v", text, user, password, again, secret, err)
		}
	})
}

func FuzzBearer(f *testing.F) {
	path := filepath.Join(f.TempDir(), "auth.yaml")
	if err := SetUser(path, "arya", needle, settings.RoleReader); err != nil {
		f.Fatal(err)
	}
	a := open(f, path)
	_, bearer, err := a.LogIn(f.Context(), "", "arya", needle)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bearer)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	signed := bearer[:strings.LastIndex(bearer, ".")]
	f.Fuzz(func(t *testing.T, text string) {
		id, _, err := a.Authenticate(t.Context(), Evidence{Header: "Bearer " + text})
		// The last character of base64 has bits to spare; what is signed has none.
		if err == nil && (id.Name != "arya" || !strings.Contains(text, signed)) {
			t.Errorf("bearer %q is %+v", text, id)
		}
	})
}
