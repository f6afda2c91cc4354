package pki

import (
	"crypto/x509"
	"net"
	"time"
)

// Policy is what a cluster asks of its certificates.
type Policy struct {
	Names           Names
	Leaf, Authority Life
	// Overlap is how often, at least, clients read the published roots.
	Overlap time.Duration
	// Plaintext is where clients meet no certificate.
	Plaintext bool
}

// Names are what the servers of a cluster are called.
type Names struct {
	Cluster string   // common name of the servers
	DNS     []string // under which servers are reached
}

// Server gives what a server's certificate is good for. That includes the
// loopback names, so that a client that forwards a port to its own machine can
// verify the server.
func (n Names) Server() (dns []string, addresses []net.IP) {
	return append([]string{"localhost"}, n.DNS...), []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
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
