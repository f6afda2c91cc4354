package pki

import (
	"slices"
	"time"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// Facts is what a status tells about certificates.
type Facts struct {
	Phase               v1alpha1.PKIPhase
	ActiveCA, PendingCA string    // fingerprints of what clients trust; none pending: empty
	Deadline            time.Time // when what is pending takes over, ready or not
	LeafExpires         time.Time // of what clients meet; zero: nothing
	Published           time.Time // when what members load was written, at the latest
	NextRenewal         time.Time // of any certificate of the authority
	Until               time.Time // when the overlap of the phase is over; zero: it has none, or has not begun
}

// Inspect reads the facts off a set and what clients meet, and false when one of
// the set's pairs is missing or broken.
func Inspect(s Set, h Handover, p Policy) (Facts, bool) {
	r := s.Rollover
	server, serverErr := s.Server.parse()
	operator, operatorErr := s.Operator.parse()
	if r.active.cert == nil || serverErr != nil || operatorErr != nil {
		return Facts{}, false
	}
	f := Facts{
		NextRenewal: r.leafDue(server.cert, p.Leaf),
		Published:   latest(server.cert.NotBefore.Add(backdate), r.wait.since, h.wait.since, h.taken),
	}
	for _, other := range []time.Time{r.leafDue(operator.cert, p.Leaf), r.authorityDue(p)} {
		if other.Before(f.NextRenewal) {
			f.NextRenewal = other
		}
	}
	shown, err := h.Shown.parse()
	if err != nil {
		return f, true
	}
	f.LeafExpires = shown.cert.NotAfter
	f.Phase, f.Until = h.Phase(), h.Until(p)
	f.ActiveCA, f.PendingCA = fingerprint(h.issuer(shown.cert)), fingerprint(h.pending())
	f.Deadline = p.Leaf.lastMoment(shown.cert)
	if f.Phase == v1alpha1.PKIStable && h.known.own {
		f.Phase, f.Until = r.Phase(), r.Until(p)
		f.ActiveCA, f.PendingCA = fingerprint(r.active.cert), fingerprint(r.next.cert)
		f.Deadline = p.Authority.lastMoment(r.active.cert)
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

func latest(times ...time.Time) time.Time {
	return slices.MaxFunc(times, time.Time.Compare)
}
