// Package issuer is an authority that is not the operator's, for tests.
package issuer

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	cmpki "github.com/cert-manager/cert-manager/pkg/util/pki"
)

// Issuer is a root and its key.
type Issuer struct {
	Root, Key []byte // PEM

	cert   *x509.Certificate
	key    crypto.Signer
	serial int64
}

// New makes a root that is good for a year.
func New(t *testing.T, name string, now time.Time) *Issuer {
	t.Helper()
	i := &Issuer{}
	i.Root, i.Key, i.cert, i.key = i.sign(t, &x509.Certificate{
		Subject:   pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Minute), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return i
}

// Sign makes a server's certificate with its key, in PEM.
func (i *Issuer) Sign(t *testing.T, name string, dns []string, addresses []net.IP, from, to time.Time) (cert, key []byte) {
	t.Helper()
	cert, key, _, _ = i.sign(t, &x509.Certificate{
		Subject:  pkix.Name{CommonName: name},
		DNSNames: dns, IPAddresses: addresses,
		NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return cert, key
}

func (i *Issuer) sign(t *testing.T, template *x509.Certificate) (certPEM, keyPEM []byte, cert *x509.Certificate, key crypto.Signer) {
	t.Helper()
	i.serial++
	template.SerialNumber = big.NewInt(i.serial)
	err := func() (err error) {
		private, err := cmpki.GenerateECPrivateKey(cmpki.ECCurve256)
		if err != nil {
			return err
		}
		key = private
		parent, signer := i.cert, i.key
		if parent == nil {
			parent, signer = template, key
		}
		template.PublicKey = key.Public()
		if certPEM, cert, err = cmpki.SignCertificate(template, parent, key.Public(), signer); err != nil {
			return err
		}
		keyPEM, err = cmpki.EncodePKCS8PrivateKey(key)
		return err
	}()
	if err != nil {
		t.Fatalf("signing for %s: %v", template.Subject, err)
	}
	return certPEM, keyPEM, cert, key
}
