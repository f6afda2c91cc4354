package pki

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"

	cmpki "github.com/cert-manager/cert-manager/pkg/util/pki"
)

// serialBits is the size of a serial number: enough that none comes twice.
const serialBits = 128

func name(commonName string) pkix.Name { return pkix.Name{CommonName: commonName} }

func newSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return nil, fmt.Errorf("pki: making a serial number: %w", err)
	}
	return serial, nil
}

// sign makes a key and signs template for it; without an authority it signs
// itself.
func sign(template *x509.Certificate, ca authority) (KeyPair, error) {
	key, err := cmpki.GenerateECPrivateKey(cmpki.ECCurve256)
	if err != nil {
		return KeyPair{}, fmt.Errorf("pki: making a key: %w", err)
	}
	template.PublicKey = key.Public()
	if ca.cert == nil {
		ca = authority{cert: template, key: key}
	}
	certPEM, _, err := cmpki.SignCertificate(template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return KeyPair{}, fmt.Errorf("pki: signing for %q: %w", template.Subject.CommonName, err)
	}
	keyPEM, err := cmpki.EncodePKCS8PrivateKey(key)
	if err != nil {
		return KeyPair{}, fmt.Errorf("pki: encoding a key: %w", err)
	}
	return KeyPair{Certificate: certPEM, Key: keyPEM}, nil
}

func sum(cert *x509.Certificate) []byte {
	s := sha256.Sum256(cert.Raw)
	return s[:]
}
