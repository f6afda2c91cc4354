package pki_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/pki"
	"github.com/flight-operator/flight-operator/test/issuer"
)

// market is a cluster whose certificate for clients comes from issuers that get
// other roots, and from its own authority in turn.
type market struct {
	t       *testing.T
	random  *rand.Rand
	policy  pki.Policy
	now     time.Time
	api     pki.Stored
	offer   *pki.Offer // nil: the cluster's own authority
	issuer  *issuer.Issuer
	issued  time.Time
	member  pki.KeyPair
	clients []*reader
	phases  map[v1alpha1.PKIPhase]int
	story   []string
}

func newMarket(t *testing.T, seed uint64) *market {
	t.Helper()
	m := &market{t: t, random: rand.New(rand.NewPCG(seed, 1)), policy: shortPolicy(), now: start, phases: map[v1alpha1.PKIPhase]int{}}
	m.policy.Leaf = pki.Life{Duration: 60 * day, RenewBefore: 40 * day}
	m.operate(-1)
	m.member = m.api.Shown
	for range 3 {
		m.clients = append(m.clients, &reader{bundle: m.api.Published[0], at: m.now})
	}
	return m
}

// operate is one reconcile, which dies after so many writes; negative: it does
// not.
func (m *market) operate(writes int) {
	m.t.Helper()
	set, _, err := pki.Heal(m.api, m.policy, m.now)
	if err != nil {
		m.t.Fatal(err)
	}
	h, err := pki.Show(m.api, set, m.offer, m.policy, m.now)
	if err != nil {
		m.t.Fatal(err)
	}
	m.phases[h.Phase()]++
	for _, write := range []func(){
		func() { m.storeAuthority(set.Rollover, h) },
		func() {
			trust := set.Rollover.Trust()
			m.api.Server, m.api.Operator = pki.Leaf{KeyPair: set.Server, Trust: trust}, pki.Leaf{KeyPair: set.Operator, Trust: trust}
		},
		func() { m.api.Published = [][]byte{h.Trust()} },
		func() { m.api.Shown = h.Shown },
		func() {
			loaded := pki.Loaded{Trust: true, Leaf: bytes.Equal(m.member.Certificate, h.Shown.Certificate)}
			m.storeAuthority(set.Rollover.Advance(m.policy, loaded, m.now), h.Advance(m.policy, loaded, m.now))
		},
	} {
		if writes == 0 {
			return
		}
		write()
		writes--
	}
}

func (m *market) storeAuthority(r pki.Rollover, h pki.Handover) {
	data, err := h.Data()
	if err != nil {
		m.t.Fatal(err)
	}
	m.api.Authority = r.Data()
	maps.Copy(m.api.Authority, data)
}

// buy renews from the present issuer.
func (m *market) buy() {
	m.offer = offerOf(m.t, m.issuer, m.policy.Names.DNS, m.now, m.policy.Leaf.Duration)
	m.issued = m.now
}

// pass lets time go by, in which clients read within the overlap.
func (m *market) pass(d time.Duration) {
	m.now = m.now.Add(d)
	for _, c := range m.clients {
		if m.now.Sub(c.at) > m.policy.Overlap-day {
			c.bundle, c.at = m.api.Published[0], m.now
		}
	}
	if m.offer != nil && m.now.Sub(m.issued) > 15*day {
		m.tell("a renewal")
		m.buy()
	}
}

func (m *market) step() {
	m.t.Helper()
	switch action := m.random.IntN(40); {
	case action < 1 && m.now.Sub(m.issued) > 14*day:
		m.tell("another issuer")
		m.issuer = issuer.New(m.t, fmt.Sprint("issuer ", len(m.story)), m.now)
		m.buy()
	case action < 2 && m.offer != nil && m.now.Sub(m.issued) > 14*day:
		m.tell("the cluster's own authority")
		m.offer, m.issued = nil, m.now
	case action < 12:
		m.member = m.api.Shown
	case action < 18:
		n := m.random.IntN(5)
		m.tell(fmt.Sprintf("the operator dies after %d writes", n))
		m.operate(n)
	default:
		m.pass(time.Duration(m.random.Int64N(int64(12 * time.Hour))))
		m.operate(-1)
	}
	m.check()
}

// check holds what must always be true: what a member shows is good to every
// client.
func (m *market) check() {
	m.t.Helper()
	for i, c := range m.clients {
		cert, err := parseCertificate(m.member.Certificate)
		if err != nil {
			m.t.Fatal(err)
		}
		if _, err := cert.Verify(x509.VerifyOptions{Roots: pool(c.bundle), CurrentTime: m.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
			m.t.Fatalf("client %d after %s: %v\n%q", i, m.now.Sub(start), err, m.story)
		}
	}
}

func (m *market) tell(what string) {
	m.story = append(m.story, fmt.Sprintf("%s: %s", m.now.Sub(start), what))
}

// Random walks through changes of issuers and providers, deaths of the operator
// and rollovers of the cluster's own authority.
func TestClientsNoticeNoHandover(t *testing.T) {
	total := map[v1alpha1.PKIPhase]int{}
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := newMarket(t, seed)
			for range 800 {
				m.step()
			}
			for phase, n := range m.phases {
				total[phase] += n
			}
		})
	}
	for _, phase := range []v1alpha1.PKIPhase{v1alpha1.PKIStable, v1alpha1.PKITrusting, v1alpha1.PKIIssuing, v1alpha1.PKIRetiring} {
		if total[phase] < 20 {
			t.Errorf("phase %s was met %d times: the walks prove nothing about it", phase, total[phase])
		}
	}
}
