package pki

import (
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	cmpki "github.com/cert-manager/cert-manager/pkg/util/pki"
)

// backdate makes a certificate valid for those whose clocks are behind: two
// clocks that are each off by five minutes differ by ten.
const backdate = 10 * time.Minute

// authority is a root, with the key if it is still there.
type authority struct {
	pair KeyPair
	cert *x509.Certificate // nil: none
	key  crypto.Signer     // nil: lost
}

var (
	errNoAuthority  = errors.New("not a self-signed authority")
	errOtherCluster = errors.New("that of another cluster")
)

// readAuthority takes what can be used of a stored pair: both, the certificate
// alone, or nothing. The error says what is wrong.
func readAuthority(p KeyPair, cluster string) (authority, error) {
	whole, err := p.parse()
	if err == nil {
		err = checkRoot(whole.cert, cluster)
		if err != nil {
			return authority{}, err
		}
		return authority{pair: p, cert: whole.cert, key: whole.key}, nil
	}
	cert, certErr := cmpki.DecodeX509CertificateBytes(p.Certificate)
	if certErr != nil || checkRoot(cert, cluster) != nil {
		return authority{}, err
	}
	return keyless(cert), err
}

// keyless is an authority that can be trusted, but signs no more.
func keyless(cert *x509.Certificate) authority {
	if cert == nil {
		return authority{}
	}
	return authority{pair: KeyPair{Certificate: encode(cert), Key: []byte{}}, cert: cert}
}

func (a authority) signs() bool { return a.key != nil }

func (a authority) is(cert *x509.Certificate) bool { return a.cert != nil && a.cert.Equal(cert) }

// checkRoot refuses what may not sign, and what was made for another cluster.
func checkRoot(cert *x509.Certificate, cluster string) error {
	if !cert.IsCA || cert.CheckSignatureFrom(cert) != nil {
		return errNoAuthority
	}
	if name := authorityName(cluster); cert.Subject.CommonName != name && !strings.HasPrefix(cert.Subject.CommonName, name+" ") {
		return errOtherCluster
	}
	return nil
}

func authorityName(cluster string) string { return cluster + " authority" }

// newAuthority makes a root with a key and a name of its own: some clients look
// for a root by its name alone.
func newAuthority(cluster string, life Life, now time.Time) (authority, error) {
	serial, err := newSerial()
	if err != nil {
		return authority{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               name(fmt.Sprintf("%s %08x", authorityName(cluster), serial.Uint64()>>32)),
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(life.Duration),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	pair, err := sign(template, authority{})
	if err != nil {
		return authority{}, err
	}
	return readAuthority(pair, cluster)
}

// fingerprint is how people compare certificates.
func fingerprint(cert *x509.Certificate) string {
	if cert == nil {
		return ""
	}
	return "sha256:" + hex.EncodeToString(sum(cert))
}

// readRoots takes what is a whole root of the cluster out of a bundle.
func readRoots(bundle []byte, cluster string) []*x509.Certificate {
	return slices.DeleteFunc(readCertificates(bundle), func(c *x509.Certificate) bool { return checkRoot(c, cluster) != nil })
}

// readCertificates takes what is whole of a bundle.
func readCertificates(bundle []byte) []*x509.Certificate {
	var certs []*x509.Certificate
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			certs = appendRoot(certs, cert)
		}
	}
	return certs
}

func appendRoot(roots []*x509.Certificate, cert *x509.Certificate) []*x509.Certificate {
	if cert == nil || slices.ContainsFunc(roots, cert.Equal) {
		return roots
	}
	return append(roots, cert)
}

func encode(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, cert := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return out
}
