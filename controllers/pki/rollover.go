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
	// since is when what the phase waits for began to hold: in Trusting, that
	// clients find the roots of this revision; in Retiring, that members use
	// nothing of the previous authority. Zero: not yet.
	since  time.Time
	bundle string
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
	if !r.since.IsZero() {
		data[sinceKey], data[bundleKey] = []byte(r.since.Format(time.RFC3339Nano)), []byte(r.bundle)
	}
	return data
}

// Trust is the bundle of roots that servers, clients and the operator trust, in
// an order that a change of roles does not change.
func (r Rollover) Trust() []byte {
	roots := r.roots()
	slices.SortFunc(roots, func(a, b *x509.Certificate) int {
		if c := b.NotBefore.Compare(a.NotBefore); c != 0 {
			return c
		}
		return slices.Compare(sum(a), sum(b))
	})
	return encode(roots...)
}

func (r Rollover) roots() []*x509.Certificate {
	roots := appendRoot(appendRoot(nil, r.active.cert), r.next.cert)
	for _, cert := range r.previous {
		roots = appendRoot(roots, cert)
	}
	return roots
}

// Phase tells how far the rollover is.
func (r Rollover) Phase() v1alpha1.PKIPhase {
	switch {
	case r.next.cert != nil:
		return v1alpha1.PKITrusting
	case len(r.previous) == 0:
		return v1alpha1.PKIStable
	case r.since.IsZero():
		return v1alpha1.PKIIssuing
	}
	return v1alpha1.PKIRetiring
}

// signer signs what has to be signed now.
func (r Rollover) signer() authority {
	if r.active.signs() {
		return r.active
	}
	return r.next
}

// Loaded is what every running member has acknowledged.
type Loaded struct{ Trust, Leaf bool }

// Advance goes one step further when everything that was to be published is, and
// members and time allow. It gives its argument back when they do not.
func (r Rollover) Advance(p Policy, loaded Loaded, now time.Time) Rollover {
	phase := r.Phase()
	switch {
	case phase == v1alpha1.PKITrusting && r.since.IsZero():
		r.since, r.bundle = now, settings.Revision(r.Trust())
	case phase == v1alpha1.PKITrusting && loaded.Trust && r.elapsed(p, now):
		return r.promote()
	case phase == v1alpha1.PKIIssuing && loaded.Trust && loaded.Leaf:
		r.since, r.bundle = now, settings.Revision(r.Trust())
	case phase == v1alpha1.PKIRetiring && loaded.Trust && loaded.Leaf && r.elapsed(p, now):
		return Rollover{active: r.active}
	}
	return r
}

// Until is when the overlap of the phase is over; zero: it has none, or has not
// begun.
func (r Rollover) Until(p Policy) time.Time {
	if r.since.IsZero() {
		return time.Time{}
	}
	return r.since.Add(p.Overlap)
}

func (r Rollover) elapsed(p Policy, now time.Time) bool { return !now.Before(r.Until(p)) }

// promote lets the next authority sign.
func (r Rollover) promote() Rollover {
	return Rollover{active: r.next, previous: without(appendRoot(slices.Clone(r.previous), r.active.cert), r.next.cert)}
}

func without(roots []*x509.Certificate, cert *x509.Certificate) []*x509.Certificate {
	return slices.DeleteFunc(roots, cert.Equal)
}
