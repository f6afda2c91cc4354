package pki

import (
	"crypto/x509"
	"time"
)

// Policy is what a cluster asks of its certificates.
type Policy struct {
	Names           Names
	Leaf, Authority Life
	// Overlap is how often, at least, clients read the published roots.
	Overlap time.Duration
}

// Names are what the servers of a cluster are called.
type Names struct {
	Cluster string   // common name of the servers
	DNS     []string // under which servers are reached
}

// Life says how long a certificate is valid, and how long before its end it is
// replaced.
type Life struct{ Duration, RenewBefore time.Duration }

// due is when a certificate is replaced. A duration that was shortened counts
// for certificates that were made before.
func (l Life) due(cert *x509.Certificate) time.Time {
	atEnd := cert.NotAfter.Add(-l.RenewBefore)
	asAsked := cert.NotBefore.Add(backdate + l.Duration - l.RenewBefore)
	if asAsked.Before(atEnd) {
		return asAsked
	}
	return atEnd
}

// lastMoment is when a certificate has to be replaced although not everybody is
// ready for the next: from then on it ends for somebody, whose clock is ahead.
func (l Life) lastMoment(cert *x509.Certificate) time.Time {
	return cert.NotAfter.Add(-min(l.RenewBefore/4, backdate))
}
