package settings

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of the work that a hash in the credentials file may ask of a login:
// whoever writes the file must not be able to stall the server by a slip.
const (
	maxBcryptCost     = 14
	minArgon2Memory   = 8 << 10   // KiB
	maxArgon2Memory   = 256 << 10 // KiB
	maxArgon2Passes   = 16
	maxArgon2Threads  = 16
	minArgon2Salt     = 8
	minArgon2Key      = 16
	maxArgon2Material = 64 // bytes of salt or key
)

var errPasswordHash = errors.New("must be a hash that 'flightserver user' makes, or one of bcrypt")

// Argon2id is a password hash of that name, taken apart.
type Argon2id struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
	Salt    []byte
	Key     []byte
}

// String is the text of the credentials file.
func (a Argon2id) String() string {
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", a.Memory, a.Passes, a.Threads,
		base64.RawStdEncoding.EncodeToString(a.Salt), base64.RawStdEncoding.EncodeToString(a.Key))
}

// IsBcrypt tells bcrypt's hashes from argon2id's.
func IsBcrypt(hash string) bool {
	return strings.HasPrefix(hash, "$2a$") || strings.HasPrefix(hash, "$2b$") || strings.HasPrefix(hash, "$2y$")
}

// CheckPasswordHash refuses what is no hash, or too costly a one.
func CheckPasswordHash(hash string) error {
	if IsBcrypt(hash) {
		return checkBcrypt(hash)
	}
	_, err := ParseArgon2id(hash)
	return err
}

func checkBcrypt(hash string) error {
	const length, digits = 60, 2
	if len(hash) != length || hash[4+digits] != '$' {
		return errPasswordHash
	}
	cost, err := strconv.Atoi(hash[4 : 4+digits])
	if err != nil || cost < 4 || strings.Contains(hash[4+digits+1:], "$") {
		return errPasswordHash
	}
	if cost > maxBcryptCost {
		return fmt.Errorf("has cost %d, more than %d: every login would take that long", cost, maxBcryptCost)
	}
	return nil
}

// ParseArgon2id takes a hash apart and refuses one that is too costly.
func ParseArgon2id(hash string) (Argon2id, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v=19" {
		return Argon2id{}, errPasswordHash
	}
	var a Argon2id
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &a.Memory, &a.Passes, &a.Threads); n != 3 || err != nil {
		return Argon2id{}, errPasswordHash
	}
	var saltErr, keyErr error
	a.Salt, saltErr = base64.RawStdEncoding.DecodeString(parts[4])
	a.Key, keyErr = base64.RawStdEncoding.DecodeString(parts[5])
	if saltErr != nil || keyErr != nil || a.String() != hash {
		return Argon2id{}, errPasswordHash
	}
	return a, a.check()
}

func (a Argon2id) check() error {
	switch {
	case len(a.Salt) < minArgon2Salt || len(a.Salt) > maxArgon2Material,
		len(a.Key) < minArgon2Key || len(a.Key) > maxArgon2Material:
		return errPasswordHash
	case a.Memory < minArgon2Memory || a.Memory > maxArgon2Memory:
		return fmt.Errorf("asks for %d KiB of memory, not %d to %d", a.Memory, minArgon2Memory, maxArgon2Memory)
	case a.Passes < 1 || a.Passes > maxArgon2Passes, a.Threads < 1 || a.Threads > maxArgon2Threads:
		return fmt.Errorf("must have 1 to %d passes and 1 to %d threads", maxArgon2Passes, maxArgon2Threads)
	}
	return nil
}
