package pki

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	cmpki "github.com/cert-manager/cert-manager/pkg/util/pki"
)

// KeyPair is a certificate and its key, in PEM.
type KeyPair struct{ Certificate, Key []byte }

// parsed is a KeyPair whose key is that of its certificate.
type parsed struct {
	cert *x509.Certificate
	key  crypto.Signer
}

var errMissing = errors.New("missing")

func (p KeyPair) parse() (*parsed, error) {
	if len(p.Certificate) == 0 || len(p.Key) == 0 {
		return nil, errMissing
	}
	cert, err := cmpki.DecodeX509CertificateBytes(p.Certificate)
	if err != nil {
		return nil, fmt.Errorf("certificate unreadable: %w", err)
	}
	key, err := cmpki.DecodePrivateKeyBytes(p.Key)
	if err != nil {
		return nil, fmt.Errorf("key unreadable: %w", err)
	}
	if same, err := cmpki.PublicKeyMatchesCertificate(key.Public(), cert); err != nil || !same {
		return nil, errors.New("key is not that of the certificate")
	}
	return &parsed{cert: cert, key: key}, nil
}

func (p KeyPair) equal(other KeyPair) bool {
	return bytes.Equal(p.Certificate, other.Certificate) && bytes.Equal(p.Key, other.Key)
}

// TLS gives the pair for use in a connection.
func (p KeyPair) TLS() (tls.Certificate, error) {
	return tls.X509KeyPair(p.Certificate, p.Key)
}
