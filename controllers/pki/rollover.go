package pki

import (
	"crypto/x509"
	"slices"
	"time"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Keys of the authority's Secret, beside the pair that signs.
const (
	nextCertKey = "next.crt"
	nextKeyKey  = "next.key"
	previousKey = "previous.crt"
	sinceKey    = "since"
	bundleKey   = "bundle"
)

// Rollover is the content of the authority's Secret: who signs, who will, and
// who did. It does not change; Heal and Advance give another.
type Rollover struct {
	active   authority           // signs, unless its key is lost
	next     authority           // will; Trusting only
	previous []*x509.Certificate // did; Issuing and Retiring, mostly
	wait     wait
}

// Data is what the Secret should hold.
func (r Rollover) Data() map[string][]byte {
	data := map[string][]byte{settings.TLSCertFile: r.active.pair.Certificate, settings.TLSKeyFile: r.active.pair.Key}
	if r.next.cert != nil {
		data[nextCertKey], data[nextKeyKey] = r.next.pair.Certificate, r.next.pair.Key
	}
	if len(r.previous) > 0 {
		data[previousKey] = encode(r.previous...)
	}
	if r.wait.begun() {
		data[sinceKey], data[bundleKey] = []byte(r.wait.since.Format(time.RFC3339Nano)), []byte(r.wait.bundle)
	}
	return data
}

// Trust is the bundle of roots by which servers and operator know each other.
func (r Rollover) Trust() []byte { return bundle(r.roots()) }

func (r Rollover) roots() []*x509.Certificate {
	roots := appendRoot(appendRoot(nil, r.active.cert), r.next.cert)
	for _, cert := range r.previous {
		roots = appendRoot(roots, cert)
	}
	return roots
}

// Phase tells how far the rollover is.
func (r Rollover) Phase() v1alpha1.PKIPhase {
	return phaseOf(r.next.cert != nil, len(r.previous) > 0, r.wait)
}

// signer signs what has to be signed now.
func (r Rollover) signer() authority {
	if r.active.signs() {
		return r.active
	}
	return r.next
}

// Advance goes one step further when everything that was to be published is, and
// members and time allow. It gives its argument back when they do not.
func (r Rollover) Advance(p Policy, loaded Loaded, now time.Time) Rollover {
	switch nextMove(r.Phase(), r.wait, p, loaded, now) {
	case moveWait:
		r.wait = waitFrom(now, r.Trust())
	case movePromote:
		return r.promote()
	case moveForget:
		return Rollover{active: r.active}
	case moveNone:
	}
	return r
}

// Until is when the overlap of the phase is over; zero: it has none, or has not
// begun.
func (r Rollover) Until(p Policy) time.Time { return r.wait.until(p) }

// promote lets the next authority sign.
func (r Rollover) promote() Rollover {
	return Rollover{active: r.next, previous: without(appendRoot(slices.Clone(r.previous), r.active.cert), r.next.cert)}
}

func without(roots []*x509.Certificate, cert *x509.Certificate) []*x509.Certificate {
	return slices.DeleteFunc(roots, cert.Equal)
}
