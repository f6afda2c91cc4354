package pki

import (
	"time"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// Facts is what a status tells about a Set.
type Facts struct {
	Phase                    v1alpha1.PKIPhase
	ActiveCA, PendingCA      string // fingerprints; none pending: empty
	AuthorityExpires         time.Time
	LeafExpires, LeafRenewal time.Time // of the servers
	Published                time.Time // when the servers' certificate and roots were written, at the latest
	NextRenewal              time.Time // of any certificate
	Until                    time.Time // when the overlap of the phase is over; zero: it has none, or has not begun
}

// Inspect reads the facts off a set, and false when one of its pairs is missing
// or broken.
func Inspect(s Set, p Policy) (Facts, bool) {
	r := s.Rollover
	server, serverErr := s.Server.parse()
	operator, operatorErr := s.Operator.parse()
	if r.active.cert == nil || serverErr != nil || operatorErr != nil {
		return Facts{}, false
	}
	f := Facts{
		Phase:            r.Phase(),
		ActiveCA:         fingerprint(r.active.cert),
		PendingCA:        fingerprint(r.next.cert),
		AuthorityExpires: r.active.cert.NotAfter,
		LeafExpires:      server.cert.NotAfter,
		LeafRenewal:      r.leafDue(server.cert, p.Leaf),
		Published:        server.cert.NotBefore.Add(backdate),
		Until:            r.Until(p),
	}
	if r.since.After(f.Published) {
		f.Published = r.since
	}
	f.NextRenewal = f.LeafRenewal
	for _, other := range []time.Time{r.leafDue(operator.cert, p.Leaf), r.authorityDue(p)} {
		if other.Before(f.NextRenewal) {
			f.NextRenewal = other
		}
	}
	return f, true
}

// authorityDue is when a successor is made, or takes over at the latest.
func (r Rollover) authorityDue(p Policy) time.Time {
	if r.next.cert == nil {
		return p.Authority.due(r.active.cert)
	}
	return p.Authority.lastMoment(r.active.cert)
}
