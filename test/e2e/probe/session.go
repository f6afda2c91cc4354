package main

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/flight-operator/flight-operator/test/e2e/stock"
)

// mount is the Secret of one token.
type mount struct{ folder, token string }

func (m mount) read(key string) (string, error) {
	text, err := os.ReadFile(filepath.Join(m.folder, m.token, key))
	return string(text), err
}

// bearer is the token as it is now.
func (m mount) bearer() (string, error) { return m.read("token") }

// session is a connection that reads the Secret anew: the roots for each
// handshake, the token for each call.
type session struct {
	*stock.Client

	mount mount
	tally *tally
}

func connect(m mount, address string, t *tally) (*session, error) {
	text, err := m.read("uri")
	if err != nil {
		return nil, err
	}
	uri, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	s := &session{mount: m, tally: t}
	config := &tls.Config{
		MinVersion:         tls.VersionTLS13,
		ServerName:         uri.Hostname(),
		InsecureSkipVerify: true, // verify does it, against roots that change
		VerifyConnection:   s.verify,
	}
	client, err := flight.NewClientWithMiddleware("passthrough:///"+address, nil, nil,
		grpc.WithTransportCredentials(credentials.NewTLS(config)), grpc.WithPerRPCCredentials(stock.Bearer(m.bearer)))
	s.Client = &stock.Client{Client: client}
	return s, err
}

func (s *session) close() { _ = s.Close() }

func (s *session) verify(state tls.ConnectionState) error {
	text, err := s.mount.read("ca.crt")
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(text)) {
		return fmt.Errorf("no certificate in ca.crt of %s", s.mount.token)
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	leaf := state.PeerCertificates[0]
	chains, err := leaf.Verify(x509.VerifyOptions{DNSName: state.ServerName, Roots: roots, Intermediates: between})
	if err != nil {
		return err
	}
	chain := chains[0]
	root := sha256.Sum256(chain[len(chain)-1].Raw)
	s.tally.met(leaf.SerialNumber.Text(16), hex.EncodeToString(root[:8]))
	return nil
}
