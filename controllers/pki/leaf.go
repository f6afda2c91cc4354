package pki

import (
	"crypto/x509"
	"net"
	"slices"
	"time"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// leafRequest is what a certificate signed by the authority has to say.
type leafRequest struct {
	commonName  string
	dnsNames    []string
	ipAddresses []net.IP
	usage       x509.ExtKeyUsage
}

func serverRequest(n Names) leafRequest {
	dns, addresses := n.Server()
	return leafRequest{commonName: n.Cluster, dnsNames: dns, ipAddresses: addresses, usage: x509.ExtKeyUsageServerAuth}
}

func operatorRequest() leafRequest {
	return leafRequest{commonName: settings.OperatorCommonName, usage: x509.ExtKeyUsageClientAuth}
}

func (r leafRequest) matches(cert *x509.Certificate) bool {
	return r.sameRole(cert) &&
		slices.Equal(cert.DNSNames, r.dnsNames) &&
		slices.EqualFunc(cert.IPAddresses, r.ipAddresses, net.IP.Equal)
}

// sameRole tells a server's certificate from the operator's.
func (r leafRequest) sameRole(cert *x509.Certificate) bool {
	return cert.Subject.CommonName == r.commonName && slices.Equal(cert.ExtKeyUsage, []x509.ExtKeyUsage{r.usage})
}

func (h *healing) renewLeaves() error {
	for _, leaf := range []struct {
		name    string
		pair    *KeyPair
		request leafRequest
	}{
		{PairServer, &h.out.Server, serverRequest(h.Names)},
		{PairOperator, &h.out.Operator, operatorRequest()},
	} {
		why := h.leafFault(*leaf.pair, leaf.request)
		if why == "" {
			continue
		}
		pair, err := newLeaf(h.out.Rollover.signer(), leaf.request, h.Leaf, h.now)
		if err != nil {
			return err
		}
		*leaf.pair = pair
		h.changes = append(h.changes, Change{leaf.name, why})
	}
	return nil
}

// leafFault says why p has to be replaced, or nothing. It is checked against
// the authority that signs now, and against the request, not against dates only.
func (h *healing) leafFault(p KeyPair, r leafRequest) string {
	leaf, err := p.parse()
	rollover := h.out.Rollover
	switch {
	case err != nil:
		return err.Error()
	case rollover.issuerInUse(leaf.cert) == nil:
		return "signed by another authority"
	case !r.sameRole(leaf.cert), rollover.active.signs() && !r.matches(leaf.cert):
		return "made for other names"
	case !h.now.Before(rollover.leafDue(leaf.cert, h.Leaf)):
		return "due for renewal"
	}
	return ""
}

// issuerInUse is the authority that signed a leaf, if its leaves may be in use.
// As long as nobody is left who signs but the next authority, which clients do
// not know yet, that is every one that is trusted.
func (r Rollover) issuerInUse(leaf *x509.Certificate) *x509.Certificate {
	if r.active.signs() {
		return issuer(leaf, []*x509.Certificate{r.active.cert})
	}
	return issuer(leaf, r.roots())
}

// leafDue is when a leaf is replaced. One that ends with its authority stays to
// the end: no other could last longer. So does one whose authority signs no
// more: clients do not know the next one yet.
func (r Rollover) leafDue(leaf *x509.Certificate, life Life) time.Time {
	from := r.issuerInUse(leaf)
	switch {
	case from != nil && !leaf.NotAfter.Before(from.NotAfter):
		return leaf.NotAfter
	case !r.active.signs() && !r.next.is(from):
		return life.lastMoment(leaf)
	}
	return life.due(leaf)
}

func newLeaf(ca authority, r leafRequest, life Life, now time.Time) (KeyPair, error) {
	serial, err := newSerial()
	if err != nil {
		return KeyPair{}, err
	}
	notAfter := now.Add(life.Duration)
	if notAfter.After(ca.cert.NotAfter) {
		notAfter = ca.cert.NotAfter // clients refuse a leaf that outlives its authority
	}
	return sign(&x509.Certificate{
		SerialNumber:          serial,
		Subject:               name(r.commonName),
		DNSNames:              r.dnsNames,
		IPAddresses:           r.ipAddresses,
		NotBefore:             now.Add(-backdate),
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{r.usage},
	}, ca)
}
