package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

const (
	// loginMemory is how long a password that was right is known to be: clients
	// that send it with every call pay for its hash once in that time.
	loginMemory = 5 * time.Minute
	// maxWaitingLogins bounds the callers that wait for a hash.
	maxWaitingLogins = 64
)

// logins checks passwords at a bounded cost. Any number of goroutines may call
// it.
type logins struct {
	clock   clock.PassiveClock
	key     []byte // of this process, so that what is remembered tells nothing
	hashing gate

	mu struct {
		sync.Mutex
		// right has at most one entry a user, since only a right password is
		// remembered.
		right map[string]remembered
	}
}

// remembered is a password that was right.
type remembered struct {
	mac     [sha256.Size]byte // of name, hash and password: a new hash ends it
	expires time.Time
}

func newLogins(now clock.PassiveClock) *logins {
	l := &logins{
		clock:   now,
		key:     random(sha256.Size),
		hashing: newGate(max(1, runtime.GOMAXPROCS(0)/2), maxWaitingLogins),
	}
	l.mu.right = map[string]remembered{}
	return l
}

// check gives nil where the password is the user's, ErrInvalidPassword where it
// is not, or ErrBusy. An unknown user costs what a known one does: its check is
// that of some other user, and fails.
func (l *logins) check(ctx context.Context, c *credentials, name, password string) error {
	user, known := c.byName[name]
	if !known {
		user = c.standIn(l.mac(name))
	}
	if known && l.knows(c, name, password) {
		return nil
	}
	right, err := l.compute(ctx, user.PasswordHash, password)
	switch {
	case err != nil:
		return err
	case !right || !known:
		return ErrInvalidPassword
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.right[name] = remembered{mac: l.mac(user.Name, user.PasswordHash, password), expires: l.clock.Now().Add(loginMemory)}
	return nil
}

func (l *logins) compute(ctx context.Context, hash, password string) (bool, error) {
	leave, err := l.hashing.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	return settings.MatchesPassword(hash, password), nil
}

// knows says whether this was the user's password a while ago.
func (l *logins) knows(c *credentials, name, password string) bool {
	user := c.byName[name]
	mac := l.mac(name, user.PasswordHash, password)
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.mu.right[name]
	return ok && l.clock.Now().Before(r.expires) && hmac.Equal(r.mac[:], mac[:])
}

// forget ends what is remembered of users that there are no longer.
func (l *logins) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.mu.right)
}

// mac covers each part with its length, so that none can pass for another.
func (l *logins) mac(parts ...string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, l.key)
	for _, part := range parts {
		_ = binary.Write(h, binary.LittleEndian, uint64(len(part))) // a hash takes everything
		h.Write([]byte(part))
	}
	h.Sum(sum[:0])
	return sum
}

// standIn gives the user whose hash is computed for a name that nobody has,
// always the same one for a name.
func (c *credentials) standIn(mac [sha256.Size]byte) settings.User {
	if len(c.users) == 0 {
		return settings.User{PasswordHash: c.nobody}
	}
	return c.users[binary.LittleEndian.Uint64(mac[:])%uint64(len(c.users))]
}
