package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flight-operator/flight-operator/controllers/pki"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

var (
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	names = pki.Names{Cluster: "prod", DNS: []string{"prod.flights.svc", "*.prod-peers.flights.svc"}}
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

func TestRenew(t *testing.T) {
	first := mustRenew(t, pki.Set{}, names, start)
	other := mustRenew(t, pki.Set{}, names, start)
	swap := func(edit func(*pki.Set)) pki.Set {
		s := first
		edit(&s)
		return s
	}
	tests := map[string]struct {
		reason string
		stored pki.Set
		names  pki.Names
		now    time.Time
		want   []pki.Change
	}{
		"nothing": {
			reason: "a new cluster needs everything",
			names:  names, now: start,
			want: []pki.Change{{Pair: pki.PairAuthority, Why: "missing"}, {Pair: pki.PairServer, Why: "missing"}, {Pair: pki.PairOperator, Why: "missing"}},
		},
		"whole": {
			reason: "what is good stays",
			stored: first, names: names, now: start.Add(111 * time.Hour),
		},
		"due": {
			reason: "leaves are renewed after two thirds of 168 hours, long before they end",
			stored: first, names: names, now: start.Add(112 * time.Hour),
			want: []pki.Change{{Pair: pki.PairServer, Why: "due for renewal"}, {Pair: pki.PairOperator, Why: "due for renewal"}},
		},
		"authority ended": {
			reason: "nothing that it signed is of use any more",
			stored: first, names: names, now: start.Add(10 * year),
			want: []pki.Change{{Pair: pki.PairAuthority, Why: "expired"}, {Pair: pki.PairServer, Why: "signed by another authority"}, {Pair: pki.PairOperator, Why: "signed by another authority"}},
		},
		"another authority": {
			reason: "a leaf is checked against the authority that is stored, not against its own dates",
			stored: swap(func(s *pki.Set) { s.Authority = other.Authority }), names: names, now: start,
			want: []pki.Change{{Pair: pki.PairServer, Why: "signed by another authority"}, {Pair: pki.PairOperator, Why: "signed by another authority"}},
		},
		"authority's key is another's": {
			reason: "it would sign what its certificate does not verify",
			stored: swap(func(s *pki.Set) { s.Authority.Key = other.Authority.Key }), names: names, now: start,
			want: []pki.Change{{Pair: pki.PairAuthority, Why: "key is not that of the certificate"}, {Pair: pki.PairServer, Why: "signed by another authority"}, {Pair: pki.PairOperator, Why: "signed by another authority"}},
		},
		"authority is a leaf": {
			reason: "somebody put a certificate there that may not sign",
			stored: swap(func(s *pki.Set) { s.Authority = s.Server }), names: names, now: start,
			want: []pki.Change{{Pair: pki.PairAuthority, Why: "not a self-signed authority"}, {Pair: pki.PairServer, Why: "signed by another authority"}, {Pair: pki.PairOperator, Why: "signed by another authority"}},
		},
		"key of another leaf": {
			reason: "servers would refuse the pair",
			stored: swap(func(s *pki.Set) { s.Server.Key = s.Operator.Key }), names: names, now: start,
			want: []pki.Change{{Pair: pki.PairServer, Why: "key is not that of the certificate"}},
		},
		"leaves exchanged": {
			reason: "a server must not be the operator",
			stored: swap(func(s *pki.Set) { s.Server, s.Operator = s.Operator, s.Server }), names: names, now: start,
			want: []pki.Change{{Pair: pki.PairServer, Why: "made for other names"}, {Pair: pki.PairOperator, Why: "made for other names"}},
		},
		"new names": {
			reason: "clients verify the name that they dial",
			stored: first, names: pki.Names{Cluster: "prod", DNS: []string{"prod.other.svc"}}, now: start,
			want: []pki.Change{{Pair: pki.PairServer, Why: "made for other names"}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, changes, err := pki.Renew(tc.stored, tc.names, tc.now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, changes); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if _, again, err := pki.Renew(got, tc.names, tc.now); err != nil || len(again) != 0 {
				t.Errorf("renewed once more: %v, %v", again, err)
			}
		})
	}
}

// Near the authority's end leaves get shorter. They must not be made anew at
// each look.
func TestLeavesEndWithTheirAuthority(t *testing.T) {
	set := mustRenew(t, pki.Set{}, names, start)
	end := start.Add(10 * year)
	renewals := 0
	for now := end.Add(-10 * day); now.Before(end); now = now.Add(time.Hour) {
		renewed, changes, err := pki.Renew(set, names, now)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) > 0 {
			renewals++
		}
		set = renewed
	}
	if renewals > 3 {
		t.Errorf("%d renewals in the last ten days", renewals)
	}
}

func TestLeavesVerify(t *testing.T) {
	set := mustRenew(t, pki.Set{}, names, start)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(set.Authority.Certificate)
	for name, tc := range map[string]struct {
		pair  pki.KeyPair
		host  string
		usage x509.ExtKeyUsage
		good  bool
	}{
		"service":                         {set.Server, "prod.flights.svc", x509.ExtKeyUsageServerAuth, true},
		"pod":                             {set.Server, "prod-0.prod-peers.flights.svc", x509.ExtKeyUsageServerAuth, true},
		"forwarded port":                  {set.Server, "localhost", x509.ExtKeyUsageServerAuth, true},
		"forwarded port by address":       {set.Server, "127.0.0.1", x509.ExtKeyUsageServerAuth, true},
		"another cluster":                 {set.Server, "test.flights.svc", x509.ExtKeyUsageServerAuth, false},
		"operator":                        {set.Operator, "", x509.ExtKeyUsageClientAuth, true},
		"a server posing as the operator": {set.Server, "", x509.ExtKeyUsageClientAuth, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := leaf(t, tc.pair).Verify(x509.VerifyOptions{
				DNSName: tc.host, Roots: roots, CurrentTime: start, KeyUsages: []x509.ExtKeyUsage{tc.usage},
			})
			if (err == nil) != tc.good {
				t.Errorf("verify: %v, want success %t", err, tc.good)
			}
		})
	}
	if cn := leaf(t, set.Operator).Subject.CommonName; cn != settings.OperatorCommonName {
		t.Errorf("the operator is called %q", cn)
	}
}

func TestInspect(t *testing.T) {
	set := mustRenew(t, pki.Set{}, names, start)
	facts, ok := pki.Inspect(set, start)
	if !ok || facts.AuthorityExpiring || !facts.LeafExpires.Equal(start.Add(168*time.Hour)) || !facts.NextRenewal.Equal(start.Add(112*time.Hour)) {
		t.Errorf("got %+v, %t", facts, ok)
	}
	if facts, _ := pki.Inspect(set, start.Add(10*year-90*day)); !facts.AuthorityExpiring {
		t.Error("the authority ends in 90 days, and nobody is told")
	}
	if _, ok := pki.Inspect(pki.Set{Authority: set.Authority}, start); ok {
		t.Error("half a set passes for a whole one")
	}
}

func mustRenew(t *testing.T, s pki.Set, n pki.Names, now time.Time) pki.Set {
	t.Helper()
	out, _, err := pki.Renew(s, n, now)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func leaf(t *testing.T, p pki.KeyPair) *x509.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair(p.Certificate, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}
