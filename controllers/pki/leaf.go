package pki

import (
	"crypto/x509"
	"net"
	"slices"
	"time"
)

const (
	// leafLife is short: a key that leaks is worth little for long.
	leafLife = 168 * time.Hour
	// leafRenewBefore is a third of leafLife, time enough to notice and mend what
	// keeps the operator from renewing.
	leafRenewBefore = leafLife / 3
	// clockSkew is how far a client's clock may be behind the operator's.
	clockSkew = 5 * time.Minute
)

// leafRequest is what a certificate signed by the authority has to say.
type leafRequest struct {
	commonName  string
	dnsNames    []string
	ipAddresses []net.IP
	usage       x509.ExtKeyUsage
}

// leafFault says why p has to be replaced, or nothing. It is checked against
// the authority that signs now, and against the request, not against dates only.
func leafFault(p KeyPair, ca *parsed, r leafRequest, now time.Time) string {
	leaf, err := p.parse()
	switch {
	case err != nil:
		return err.Error()
	case leaf.cert.CheckSignatureFrom(ca.cert) != nil:
		return "signed by another authority"
	case !r.matches(leaf.cert):
		return "made for other names"
	case !now.Before(renewal(leaf.cert, ca.cert)):
		return "due for renewal"
	}
	return ""
}

func (r leafRequest) matches(cert *x509.Certificate) bool {
	return cert.Subject.CommonName == r.commonName &&
		slices.Equal(cert.DNSNames, r.dnsNames) &&
		slices.EqualFunc(cert.IPAddresses, r.ipAddresses, net.IP.Equal) &&
		slices.Equal(cert.ExtKeyUsage, []x509.ExtKeyUsage{r.usage})
}

// renewal is when a certificate is replaced. One that ends with its authority
// stays to the end: no other could last longer.
func renewal(cert, ca *x509.Certificate) time.Time {
	if !cert.NotAfter.Before(ca.NotAfter) {
		return cert.NotAfter
	}
	return cert.NotAfter.Add(-leafRenewBefore)
}

func newLeaf(ca *parsed, r leafRequest, now time.Time) (KeyPair, error) {
	notAfter := now.Add(leafLife)
	if notAfter.After(ca.cert.NotAfter) {
		notAfter = ca.cert.NotAfter // clients refuse a leaf that outlives its authority
	}
	template := &x509.Certificate{
		Subject:               name(r.commonName),
		DNSNames:              r.dnsNames,
		IPAddresses:           r.ipAddresses,
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{r.usage},
	}
	return sign(template, ca)
}
