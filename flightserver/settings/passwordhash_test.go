package settings

import (
	"bytes"
	"strings"
	"testing"
)

func TestCheckPasswordHash(t *testing.T) {
	salt, key := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 32)
	good := Argon2id{Memory: 19 << 10, Passes: 2, Threads: 1, Salt: salt, Key: key}
	with := func(change func(*Argon2id)) string {
		a := good
		change(&a)
		return a.String()
	}
	bcrypt := "$2b$10$" + strings.Repeat("a", 53)
	cases := map[string]struct {
		reason string
		hash   string
		good   bool
	}{
		"Argon2id":        {"what 'flightserver user' makes", good.String(), true},
		"Bcrypt":          {"what htpasswd makes", bcrypt, true},
		"BcryptOfApache":  {"the same by another name", strings.Replace(bcrypt, "2b", "2y", 1), true},
		"Password":        {"no hash at all", "valyrian-steel", false},
		"Nothing":         {"a user without a password cannot log in", "", false},
		"ShortBcrypt":     {"a part of a hash", bcrypt[:40], false},
		"CostlyBcrypt":    {"seconds for every login", strings.Replace(bcrypt, "$10$", "$31$", 1), false},
		"CostlyMemory":    {"gigabytes for every login", with(func(a *Argon2id) { a.Memory = 4 << 20 }), false},
		"CheapMemory":     {"not worth its name", with(func(a *Argon2id) { a.Memory = 8 }), false},
		"CostlyPasses":    {"minutes for every login", with(func(a *Argon2id) { a.Passes = 10_000 }), false},
		"NoThreads":       {"argon2 would panic", with(func(a *Argon2id) { a.Threads = 0 }), false},
		"NoSalt":          {"equal passwords would show", with(func(a *Argon2id) { a.Salt = nil }), false},
		"ShortKey":        {"an empty key matches every password", with(func(a *Argon2id) { a.Key = nil }), false},
		"ArgonVersion":    {"another function", strings.Replace(good.String(), "v=19", "v=16", 1), false},
		"TrailingNumbers": {"text that is read but not meant", strings.Replace(good.String(), "p=1", "p=1,x=2", 1), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := CheckPasswordHash(tc.hash); (err == nil) != tc.good {
				t.Errorf("error = %v: %s", err, tc.reason)
			}
		})
	}
}

func TestUsersAreChecked(t *testing.T) {
	hash := Argon2id{Memory: 19 << 10, Passes: 2, Threads: 1, Salt: make([]byte, 16), Key: make([]byte, 32)}.String()
	arya := User{Name: "arya", PasswordHash: hash, Role: RoleReader}
	cases := map[string]struct {
		users []User
		want  string // in the error; empty: none
	}{
		"Good":     {[]User{arya, {Name: "sansa stark", PasswordHash: hash, Role: RoleWriter}}, ""},
		"Twice":    {[]User{arya, arya}, `users[1].name: Duplicate value: "arya"`},
		"Colon":    {[]User{{Name: "a:b", PasswordHash: hash, Role: RoleReader}}, "without a colon"},
		"NewLine":  {[]User{{Name: "a\nb", PasswordHash: hash, Role: RoleReader}}, "printable"},
		"LongName": {[]User{{Name: strings.Repeat("a", 129), PasswordHash: hash, Role: RoleReader}}, "1 to 128 bytes"},
		"NoRole":   {[]User{{Name: "arya", PasswordHash: hash}}, "users[0].role"},
		"Password": {[]User{{Name: "arya", PasswordHash: "needle", Role: RoleReader}}, "users[0].passwordHash"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			content, err := (&Credentials{Users: tc.users}).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			_, err = ParseCredentials(content)
			if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "needle") {
				t.Errorf("the error quotes what may be a password: %v", err)
			}
		})
	}
}
