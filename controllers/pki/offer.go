package pki

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	cmpki "github.com/cert-manager/cert-manager/pkg/util/pki"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Offer is a certificate from somewhere else, for clients to meet. Whether it is
// any good is found out.
type Offer struct {
	KeyPair

	Trust []byte   // roots that vouch for it, in PEM
	Names []string // that it has to be good for
}

// offered is what can be used of an offer.
type offered struct {
	pair    KeyPair
	anchors anchors
	fault   error // what is wrong with the pair; nil: nothing
}

// read takes what can be used: roots are of use before the certificate is.
func (o Offer) read(now time.Time) offered {
	roots, err := o.roots(now)
	out := offered{pair: o.KeyPair, anchors: anchors{others: roots}, fault: err}
	if err == nil {
		out.fault = o.check(roots, now)
	}
	return out
}

// roots refuses a bundle of which only a part can be read: it may be half
// written. Roots that have ended are left out.
func (o Offer) roots(now time.Time) ([]*x509.Certificate, error) {
	if len(o.Trust) == 0 {
		return nil, fmt.Errorf("%s is missing", settings.CAFile)
	}
	certs, err := cmpki.DecodeX509CertificateSetBytes(o.Trust)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", settings.CAFile, err)
	}
	certs = slices.DeleteFunc(certs, func(c *x509.Certificate) bool { return ended(c, now) })
	if len(certs) == 0 {
		return nil, fmt.Errorf("no root in %s is valid any more", settings.CAFile)
	}
	return certs, nil
}

// check says what is wrong, naming the keys of the Secret that it came from.
func (o Offer) check(roots []*x509.Certificate, now time.Time) error {
	switch {
	case len(o.Certificate) == 0:
		return fmt.Errorf("%s is missing", settings.TLSCertFile)
	case len(o.Key) == 0:
		return fmt.Errorf("%s is missing", settings.TLSKeyFile)
	}
	p, err := o.parse()
	if err != nil {
		return fmt.Errorf("%s with %s: %w", settings.TLSCertFile, settings.TLSKeyFile, err)
	}
	if err := validAt(p.cert, now); err != nil {
		return fmt.Errorf("%s %w", settings.TLSCertFile, err)
	}
	for _, name := range o.Names {
		if p.cert.VerifyHostname(name) != nil {
			return fmt.Errorf("%s is not good for the name %s", settings.TLSCertFile, name)
		}
	}
	if _, err := chain(o.KeyPair, roots, now); err != nil {
		return fmt.Errorf("no root in %s vouches for %s: %w", settings.CAFile, settings.TLSCertFile, err)
	}
	return nil
}

func validAt(cert *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(cert.NotBefore):
		return fmt.Errorf("is not valid before %s", cert.NotBefore.UTC().Format(time.RFC3339))
	case now.After(cert.NotAfter):
		return fmt.Errorf("ended on %s", cert.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

// chain is what makes a certificate good to clients that trust these roots, from
// the certificate to one of them.
func chain(p KeyPair, roots []*x509.Certificate, now time.Time) ([]*x509.Certificate, error) {
	certs, err := cmpki.DecodeX509CertificateSetBytes(p.Certificate)
	if err != nil {
		return nil, err
	}
	if len(certs) == 0 {
		return nil, errMissing
	}
	trusted, between := x509.NewCertPool(), x509.NewCertPool()
	for _, root := range roots {
		trusted.AddCert(root)
	}
	for _, cert := range certs[1:] {
		between.AddCert(cert)
	}
	chains, err := certs[0].Verify(x509.VerifyOptions{
		Roots:         trusted,
		Intermediates: between,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return nil, err
	}
	return chains[0], nil
}
