package pki

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net"
	"time"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Set is every key pair of one cluster.
type Set struct{ Authority, Server, Operator KeyPair }

// Names are what the servers of a cluster are called.
type Names struct {
	Cluster string   // common name of the servers
	DNS     []string // under which servers are reached
}

// Change is a pair that was replaced, and why.
type Change struct{ Pair, Why string }

// Names of pairs in a Change.
const (
	PairAuthority = "authority"
	PairServer    = "server certificate"
	PairOperator  = "operator certificate"
)

// Renew returns stored with every pair replaced that is missing, broken, signed
// by another authority, made for other names, or due, and the list of those. A
// new authority replaces the others as well.
func Renew(stored Set, names Names, now time.Time) (Set, []Change, error) {
	out := stored
	var changes []Change
	ca, fault := authorityFault(out.Authority, now)
	if fault != "" {
		changes = append(changes, Change{PairAuthority, fault})
		var err error
		if out.Authority, err = newAuthority(names.Cluster+" authority", now); err != nil {
			return stored, nil, err
		}
		if ca, err = out.Authority.parse(); err != nil {
			return stored, nil, err
		}
	}
	for _, leaf := range []struct {
		name    string
		pair    *KeyPair
		request leafRequest
	}{
		{PairServer, &out.Server, serverRequest(names)},
		{PairOperator, &out.Operator, operatorRequest()},
	} {
		fault := leafFault(*leaf.pair, ca, leaf.request, now)
		if fault == "" {
			continue
		}
		changes = append(changes, Change{leaf.name, fault})
		pair, err := newLeaf(ca, leaf.request, now)
		if err != nil {
			return stored, nil, err
		}
		*leaf.pair = pair
	}
	return out, changes, nil
}

// serverRequest includes the loopback names, so that a client that forwards a
// port to its own machine can verify the server.
func serverRequest(n Names) leafRequest {
	return leafRequest{
		commonName:  n.Cluster,
		dnsNames:    append([]string{"localhost"}, n.DNS...),
		ipAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		usage:       x509.ExtKeyUsageServerAuth,
	}
}

func operatorRequest() leafRequest {
	return leafRequest{commonName: settings.OperatorCommonName, usage: x509.ExtKeyUsageClientAuth}
}

// Facts is what a status tells about a Set.
type Facts struct {
	Fingerprint       string // of the authority's certificate
	AuthorityExpires  time.Time
	AuthorityExpiring bool // its end is near enough to act
	LeafExpires       time.Time
	NextRenewal       time.Time // of either leaf
}

// Inspect reads the facts off a set, and false when one of its pairs is missing
// or broken.
func Inspect(s Set, now time.Time) (Facts, bool) {
	ca, caErr := s.Authority.parse()
	server, serverErr := s.Server.parse()
	operator, operatorErr := s.Operator.parse()
	if caErr != nil || serverErr != nil || operatorErr != nil {
		return Facts{}, false
	}
	sum := sha256.Sum256(ca.cert.Raw)
	next := renewal(server.cert, ca.cert)
	if other := renewal(operator.cert, ca.cert); other.Before(next) {
		next = other
	}
	return Facts{
		Fingerprint:       "sha256:" + hex.EncodeToString(sum[:]),
		AuthorityExpires:  ca.cert.NotAfter,
		AuthorityExpiring: !now.Before(ca.cert.NotAfter.Add(-authorityNotice)),
		LeafExpires:       server.cert.NotAfter,
		NextRenewal:       next,
	}, true
}
