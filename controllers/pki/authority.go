package pki

import (
	"crypto/x509"
	"time"
)

const (
	// authorityLife is long, because a new authority asks every client to take
	// over a new ca.crt.
	authorityLife = 10 * 365 * 24 * time.Hour
	// authorityNotice is how long before its end the authority is said to expire.
	authorityNotice = 90 * 24 * time.Hour
)

// authorityFault says why p cannot sign certificates, or nothing.
func authorityFault(p KeyPair, now time.Time) (*parsed, string) {
	ca, err := p.parse()
	switch {
	case err != nil:
		return nil, err.Error()
	case !ca.cert.IsCA || ca.cert.CheckSignatureFrom(ca.cert) != nil:
		return nil, "not a self-signed authority"
	case !now.Before(ca.cert.NotAfter):
		return nil, "expired"
	}
	return ca, ""
}

func newAuthority(commonName string, now time.Time) (KeyPair, error) {
	template := &x509.Certificate{
		Subject:               name(commonName),
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(authorityLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	return sign(template, nil)
}
