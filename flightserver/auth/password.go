package auth

import (
	"crypto/subtle"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/flight-operator/flight-operator/flightserver/settings"
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
	a := settings.Argon2id{Memory: argon2Memory, Passes: argon2Passes, Threads: argon2Threads, Salt: random(argon2Salt)}
	a.Key = derive(a, password, argon2Key)
	return a.String()
}

// matches says whether the password is the one of the hash. It takes long.
func matches(hash, password string) bool {
	if settings.IsBcrypt(hash) {
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	}
	a, err := settings.ParseArgon2id(hash)
	return err == nil && subtle.ConstantTimeCompare(derive(a, password, uint32(len(a.Key))), a.Key) == 1
}

func derive(a settings.Argon2id, password string, length uint32) []byte {
	return argon2.IDKey([]byte(password), a.Salt, a.Passes, a.Memory, a.Threads, length)
}
