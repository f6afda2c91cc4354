package settings

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ErrNoCertificates says that a file of roots holds none.
var ErrNoCertificates = errors.New("holds no certificate")

// ParseRoots reads the content of a file of roots, in PEM. It refuses one of
// which only a part can be read: whoever has a certificate of the other root
// would be locked out.
func ParseRoots(content []byte) (*x509.CertPool, error) {
	roots, read := x509.NewCertPool(), 0
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", read+1, err)
		}
		roots.AddCert(cert)
		read++
	}
	if begun := bytes.Count(content, []byte("-----BEGIN ")); read < begun {
		return nil, fmt.Errorf("%d of %d certificates can be read", read, begun)
	}
	if read == 0 {
		return nil, ErrNoCertificates
	}
	return roots, nil
}
