package settings

import (
	"crypto/rand"
	"crypto/subtle"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// What a login costs: 19 MiB and two passes, the least that OWASP recommends
// for argon2id. Parallel calls are limited, so that this bounds the memory too.
const (
	argon2Memory  = 19 << 10 // KiB
	argon2Passes  = 2
	argon2Threads = 1
	argon2Salt    = 16
	argon2Key     = 32
)

// HashPassword gives what the credentials file holds of a password.
func HashPassword(password string) string {
	a := Argon2id{Memory: argon2Memory, Passes: argon2Passes, Threads: argon2Threads, Salt: make([]byte, argon2Salt)}
	_, _ = rand.Read(a.Salt) // never fails: crypto/rand ends the process instead
	a.Key = derive(a, password, argon2Key)
	return a.String()
}

// MatchesPassword says whether the password is the one of the hash. It takes
// long.
func MatchesPassword(hash, password string) bool {
	if IsBcrypt(hash) {
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	}
	a, err := ParseArgon2id(hash)
	return err == nil && subtle.ConstantTimeCompare(derive(a, password, uint32(len(a.Key))), a.Key) == 1
}

func derive(a Argon2id, password string, length uint32) []byte {
	return argon2.IDKey([]byte(password), a.Salt, a.Passes, a.Memory, a.Threads, length)
}
