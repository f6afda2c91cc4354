package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/pki"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

var (
	start  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	policy = pki.Policy{
		Names:     pki.Names{Cluster: "prod", DNS: []string{"prod.flights.svc", "*.prod-peers.flights.svc"}},
		Leaf:      pki.Life{Duration: 7 * day, RenewBefore: 56 * time.Hour},
		Authority: pki.Life{Duration: year, RenewBefore: 90 * day},
		Overlap:   14 * day,
	}
)

// stored is what the API server holds once a set is applied.
func stored(s pki.Set) pki.Stored {
	trust := s.Rollover.Trust()
	return pki.Stored{
		Authority: s.Rollover.Data(),
		Server:    pki.Leaf{KeyPair: s.Server, Trust: trust},
		Operator:  pki.Leaf{KeyPair: s.Operator, Trust: trust},
		Shown:     s.Server,
		Published: [][]byte{trust},
	}
}

func TestHeal(t *testing.T) {
	first := heal(t, pki.Stored{}, start)
	other := heal(t, pki.Stored{}, start)
	foreign := policy
	foreign.Names.Cluster = "test"
	tests := map[string]struct {
		reason string
		damage func(*pki.Stored)
		policy func(*pki.Policy)
		after  time.Duration
		want   []pki.Change
		phase  v1alpha1.PKIPhase
		kept   bool // the root that clients know is still trusted
	}{
		"nothing": {
			reason: "a new cluster needs everything, and has nobody who trusts anything else",
			damage: func(s *pki.Stored) { *s = pki.Stored{} },
			want:   []pki.Change{{Pair: pki.PairAuthority, Why: "missing"}, {Pair: pki.PairServer, Why: "missing"}, {Pair: pki.PairOperator, Why: "missing"}},
			phase:  v1alpha1.PKIStable,
		},
		"whole": {
			reason: "what is good stays",
			after:  111 * time.Hour, phase: v1alpha1.PKIStable, kept: true,
		},
		"leaves due": {
			reason: "they are renewed after two thirds of 168 hours, long before they end",
			after:  112 * time.Hour, phase: v1alpha1.PKIStable, kept: true,
			want: []pki.Change{{Pair: pki.PairServer, Why: "due for renewal"}, {Pair: pki.PairOperator, Why: "due for renewal"}},
		},
		"leaves of an operator that was away for a month": {
			reason: "the authority lives, and so nobody has to learn anything",
			after:  30 * day, phase: v1alpha1.PKIStable, kept: true,
			want: []pki.Change{{Pair: pki.PairServer, Why: "due for renewal"}, {Pair: pki.PairOperator, Why: "due for renewal"}},
		},
		"life shortened": {
			reason: "who asks for shorter lives does not wait for the end of long ones",
			policy: func(p *pki.Policy) { p.Leaf = pki.Life{Duration: day, RenewBefore: 8 * time.Hour} },
			after:  16 * time.Hour, phase: v1alpha1.PKIStable, kept: true,
			want: []pki.Change{{Pair: pki.PairServer, Why: "due for renewal"}, {Pair: pki.PairOperator, Why: "due for renewal"}},
		},
		"authority due": {
			reason: "the next one is published long before the first ends",
			damage: func(s *pki.Stored) { *s = at(t, *s, start.Add(275*day)) },
			after:  275 * day, phase: v1alpha1.PKITrusting, kept: true,
			want: []pki.Change{{Pair: pki.PairAuthority, Why: "due for renewal"}},
		},
		"authority about to end": {
			reason: "to whoever has a clock that is ahead it has ended",
			after:  year - 9*time.Minute, phase: v1alpha1.PKIIssuing, kept: true,
			want: []pki.Change{{Pair: pki.PairAuthority, Why: "about to expire"}, {Pair: pki.PairServer, Why: "signed by another authority"}, {Pair: pki.PairOperator, Why: "signed by another authority"}},
		},
		"both of a rollover ended": {
			reason: "the next one has become old while nobody looked",
			damage: func(s *pki.Stored) { *s = stored(heal(t, at(t, *s, start.Add(275*day)), start.Add(275*day))) },
			after:  275*day + year, phase: v1alpha1.PKIIssuing,
			want: []pki.Change{{Pair: pki.PairAuthority, Why: "expired"}, {Pair: pki.PairServer, Why: "signed by another authority"}, {Pair: pki.PairOperator, Why: "signed by another authority"}},
		},
		"authority ended": {
			reason: "nothing that it signed is of use to anybody any more",
			after:  year, phase: v1alpha1.PKIIssuing, kept: true,
			want: []pki.Change{{Pair: pki.PairAuthority, Why: "expired"}, {Pair: pki.PairServer, Why: "signed by another authority"}, {Pair: pki.PairOperator, Why: "signed by another authority"}},
		},
		"authority deleted": {
			reason: "what it signed is good, and everybody trusts it: its successor is published first",
			damage: func(s *pki.Stored) { s.Authority = nil },
			want:   []pki.Change{{Pair: pki.PairAuthority, Why: "missing"}},
			phase:  v1alpha1.PKITrusting, kept: true,
		},
		"authority's key broken": {
			reason: "the certificate still vouches for what it signed",
			damage: func(s *pki.Stored) { s.Authority[settings.TLSKeyFile] = []byte("no key") },
			want:   []pki.Change{{Pair: pki.PairAuthority, Why: "key unreadable: error decoding private key PEM block: no PEM data was found in given input"}},
			phase:  v1alpha1.PKITrusting, kept: true,
		},
		"authority's key is another's": {
			reason: "it would sign what its certificate does not verify",
			damage: func(s *pki.Stored) {
				s.Authority[settings.TLSKeyFile] = other.Rollover.Data()[settings.TLSKeyFile]
			},
			want:  []pki.Change{{Pair: pki.PairAuthority, Why: "key is not that of the certificate"}},
			phase: v1alpha1.PKITrusting, kept: true,
		},
		"authority is a leaf": {
			reason: "somebody put a certificate there that may not sign",
			damage: func(s *pki.Stored) { s.Authority = data(first.Server) },
			want:   []pki.Change{{Pair: pki.PairAuthority, Why: "not a self-signed authority"}},
			phase:  v1alpha1.PKITrusting, kept: true,
		},
		"authority of another cluster": {
			reason: "its key is known elsewhere",
			damage: func(s *pki.Stored) {
				set, _, err := pki.Heal(pki.Stored{}, foreign, start)
				if err != nil {
					t.Fatal(err)
				}
				s.Authority = set.Rollover.Data()
			},
			want:  []pki.Change{{Pair: pki.PairAuthority, Why: "that of another cluster"}},
			phase: v1alpha1.PKITrusting, kept: true,
		},
		"authority of another day": {
			reason: "a backup was restored: clients have to learn of it as of any new one",
			damage: func(s *pki.Stored) { s.Authority = other.Rollover.Data() },
			phase:  v1alpha1.PKITrusting, kept: true,
		},
		"authority and leaf deleted": {
			reason: "nobody signs but the successor; the operator goes on with its own certificate",
			damage: func(s *pki.Stored) { s.Authority, s.Server = nil, pki.Leaf{} },
			want:   []pki.Change{{Pair: pki.PairAuthority, Why: "missing"}, {Pair: pki.PairServer, Why: "missing"}},
			phase:  v1alpha1.PKITrusting, kept: true,
		},
		"authority deleted, leaves about to end": {
			reason: "they are of no use for longer, whoever trusts them",
			damage: func(s *pki.Stored) { s.Authority = nil },
			after:  7*day - time.Minute,
			want: []pki.Change{
				{Pair: pki.PairAuthority, Why: "missing"},
				{Pair: pki.PairServer, Why: "due for renewal"},
				{Pair: pki.PairOperator, Why: "due for renewal"},
			},
			phase: v1alpha1.PKITrusting, kept: true,
		},
		"key of another leaf": {
			reason: "servers would refuse the pair",
			damage: func(s *pki.Stored) { s.Server.Key = s.Operator.Key },
			want:   []pki.Change{{Pair: pki.PairServer, Why: "key is not that of the certificate"}},
			phase:  v1alpha1.PKIStable, kept: true,
		},
		"leaf of another authority": {
			reason: "a leaf is checked against the authority, not against its own dates",
			damage: func(s *pki.Stored) { s.Server = stored(other).Server; s.Server.Trust = nil },
			want:   []pki.Change{{Pair: pki.PairServer, Why: "signed by another authority"}},
			phase:  v1alpha1.PKIStable, kept: true,
		},
		"leaves exchanged": {
			reason: "a server must not be the operator",
			damage: func(s *pki.Stored) { s.Server, s.Operator = s.Operator, s.Server },
			want:   []pki.Change{{Pair: pki.PairServer, Why: "made for other names"}, {Pair: pki.PairOperator, Why: "made for other names"}},
			phase:  v1alpha1.PKIStable, kept: true,
		},
		"new names": {
			reason: "clients verify the name that they dial",
			policy: func(p *pki.Policy) { p.Names.DNS = []string{"prod.other.svc"} },
			want:   []pki.Change{{Pair: pki.PairServer, Why: "made for other names"}},
			phase:  v1alpha1.PKIStable, kept: true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s, p := stored(first), policy
			s.Authority = maps.Clone(s.Authority)
			if tc.damage != nil {
				tc.damage(&s)
			}
			if tc.policy != nil {
				tc.policy(&p)
			}
			now := start.Add(tc.after)
			got, changes, err := pki.Heal(s, p, now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, changes); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if phase := got.Rollover.Phase(); phase != tc.phase {
				t.Errorf("phase %s, want %s: %s", phase, tc.phase, tc.reason)
			}
			if kept := verify(root(t, first), got.Rollover.Trust()); kept != tc.kept {
				t.Errorf("the root that clients know is trusted: %t, want %t: %s", kept, tc.kept, tc.reason)
			}
			if _, again, err := pki.Heal(stored(got), p, now); err != nil || len(again) != 0 {
				t.Errorf("healed once more: %v, %v", again, err)
			}
		})
	}
}

// Near the authority's end leaves get shorter. They must not be made anew at
// each look.
func TestLeavesEndWithTheirAuthority(t *testing.T) {
	s := stored(heal(t, pki.Stored{}, start))
	renewals := 0
	for now := start.Add(year - 10*day); now.Before(start.Add(year - time.Hour)); now = now.Add(time.Hour) {
		set, changes, err := pki.Heal(s, policy, now)
		if err != nil {
			t.Fatal(err)
		}
		if ends, last := leaf(t, set.Server).NotAfter, root(t, set).NotAfter; ends.After(last) {
			t.Fatalf("at %s the leaf ends at %s, its authority at %s: clients would refuse it", now, ends, last)
		}
		renewals += len(changes)
		s = stored(set)
	}
	if renewals > 7 {
		t.Errorf("%d pairs were made in the last ten days", renewals)
	}
}

func TestLeavesVerify(t *testing.T) {
	set := heal(t, pki.Stored{}, start)
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
			for _, skew := range []time.Duration{0, -10 * time.Minute, 10 * time.Minute} {
				_, err := leaf(t, tc.pair).Verify(x509.VerifyOptions{
					DNSName: tc.host, Roots: pool(set.Rollover.Trust()), CurrentTime: start.Add(skew), KeyUsages: []x509.ExtKeyUsage{tc.usage},
				})
				if (err == nil) != tc.good {
					t.Errorf("verify with a clock off by %s: %v, want success %t", skew, err, tc.good)
				}
			}
		})
	}
	if cn := leaf(t, set.Operator).Subject.CommonName; cn != settings.OperatorCommonName {
		t.Errorf("the operator is called %q", cn)
	}
}

func TestInspect(t *testing.T) {
	set := heal(t, pki.Stored{}, start)
	facts, ok := inspect(t, set, start)
	if !ok || facts.Phase != v1alpha1.PKIStable || facts.PendingCA != "" ||
		!facts.LeafExpires.Equal(start.Add(168*time.Hour)) || !facts.NextRenewal.Equal(start.Add(112*time.Hour)) {
		t.Errorf("got %+v, %t", facts, ok)
	}
	if !facts.Published.Equal(start) {
		t.Errorf("published at %s, want when the certificate was made", facts.Published)
	}
	due := heal(t, at(t, stored(set), start.Add(275*day)), start.Add(275*day))
	published := start.Add(276 * day)
	due.Rollover = due.Rollover.Advance(policy, pki.Loaded{}, published)
	facts, ok = inspect(t, due, published)
	if !facts.Published.Equal(published) {
		t.Errorf("published at %s, want when clients found both roots", facts.Published)
	}
	if !ok || facts.Phase != v1alpha1.PKITrusting || facts.PendingCA == "" || facts.PendingCA == facts.ActiveCA {
		t.Errorf("got %+v, %t", facts, ok)
	}
	if _, ok := inspect(t, pki.Set{Rollover: set.Rollover}, start); ok {
		t.Error("half a set passes for a whole one")
	}
}

func inspect(t *testing.T, s pki.Set, now time.Time) (pki.Facts, bool) {
	t.Helper()
	h, err := pki.Show(stored(s), s, nil, policy, now)
	if err != nil {
		t.Fatal(err)
	}
	return pki.Inspect(s, h, policy)
}

// A cluster that is paused is read as it is.
func TestReadChangesNothing(t *testing.T) {
	first := heal(t, pki.Stored{}, start)
	s := stored(first)
	s.Operator.Certificate = []byte("broken")
	if got := pki.Read(s, policy, start.Add(year)); string(got.Operator.Certificate) != "broken" || string(got.Rollover.Trust()) != string(first.Rollover.Trust()) {
		t.Error("it was changed")
	}
}

// at gives what is stored with leaves renewed until a time.
func at(t *testing.T, s pki.Stored, now time.Time) pki.Stored {
	t.Helper()
	p := policy
	p.Authority.RenewBefore = 0
	set, _, err := pki.Heal(s, p, now)
	if err != nil {
		t.Fatal(err)
	}
	return stored(set)
}

func heal(t *testing.T, s pki.Stored, now time.Time) pki.Set {
	t.Helper()
	set, _, err := pki.Heal(s, policy, now)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func data(p pki.KeyPair) map[string][]byte {
	return map[string][]byte{settings.TLSCertFile: p.Certificate, settings.TLSKeyFile: p.Key}
}

func root(t *testing.T, s pki.Set) *x509.Certificate {
	t.Helper()
	return leaf(t, pki.KeyPair{Certificate: s.Rollover.Data()[settings.TLSCertFile], Key: s.Rollover.Data()[settings.TLSKeyFile]})
}

// verify tells whether a bundle vouches for a root, whatever the time.
func verify(root *x509.Certificate, bundle []byte) bool {
	_, err := root.Verify(x509.VerifyOptions{Roots: pool(bundle), CurrentTime: root.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}

func pool(bundle []byte) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	return roots
}

func leaf(t *testing.T, p pki.KeyPair) *x509.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair(p.Certificate, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}

func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
