package auth

import (
	"cmp"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
)

// maxPeers bounds the peers whose failures are known, twice over.
const maxPeers = 4096

// throttle counts failures by the machine that they come from. Any number of
// goroutines may use it.
type throttle struct {
	clock     clock.PassiveClock
	perMinute int // zero: no bound

	// recent has those that failed since older was full, and what was older then
	// is forgotten: whoever calls from very many addresses forgets their own
	// failures, and takes no memory with them.
	mu            sync.Mutex
	recent, older map[string]*rate.Limiter
}

func newThrottle(now clock.PassiveClock, perMinute int) *throttle {
	return &throttle{clock: now, perMinute: perMinute, recent: map[string]*rate.Limiter{}}
}

// add counts a failure, and tells whether there were too many before it.
func (t *throttle) add(peer string) bool {
	if t.perMinute == 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.ofLocked(machine(peer)).AllowN(t.clock.Now(), 1)
}

// tooMany tells whether the peer's next failure is one too many.
func (t *throttle) tooMany(peer string) bool {
	if t.perMinute == 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key := machine(peer)
	l := cmp.Or(t.recent[key], t.older[key])
	return l != nil && l.TokensAt(t.clock.Now()) < 1
}

func (t *throttle) ofLocked(key string) *rate.Limiter {
	l := t.recent[key]
	if l != nil {
		return l
	}
	if l = t.older[key]; l == nil {
		l = rate.NewLimiter(rate.Limit(float64(t.perMinute)/60), t.perMinute)
	}
	if len(t.recent) >= maxPeers {
		t.older, t.recent = t.recent, map[string]*rate.Limiter{}
	}
	t.recent[key] = l
	return l
}

// machine is what an address has in common with others of one machine: of IPv6 a
// machine has a whole network.
func machine(peer string) string {
	const network = 64
	address, err := netip.ParseAddrPort(peer)
	if err != nil {
		return peer // of a Unix socket, which has one
	}
	ip := address.Addr().Unmap()
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.WithZone("").Prefix(network)
	if err != nil {
		return ip.String()
	}
	return prefix.String()
}
