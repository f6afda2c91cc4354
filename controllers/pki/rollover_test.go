package pki_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/pki"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/issuer"
)

// world is a cluster, its clients, and an API server that keeps what the
// operator writes. Whatever can happen to them is a method.
type world struct {
	t       *testing.T
	random  *rand.Rand
	policy  pki.Policy
	now     time.Time
	api     pki.Stored // but for what is published
	bundle  []byte
	members []*member
	clients []*reader
	phases  map[v1alpha1.PKIPhase]int
	chains  map[string][]*x509.Certificate // that were verified
	lost    time.Time                      // the authority's key, last
	story   []string
}

// member runs with the files that it loaded last.
type member struct {
	running bool
	files   pki.Leaf
	since   time.Time // it may not have the newest; zero: it has
}

// reader is a client that copies the bundle now and then.
type reader struct {
	bundle []byte
	at     time.Time
}

// skew is what any clock may be off by.
const skew = 5 * time.Minute

// backdate is how long before it was made a certificate is valid.
const backdate = 10 * time.Minute

// patience is how long a member may take to load what is stored. It is longer
// than the overlap, so that who does not wait for members is found out.
const patience = 6 * day

// shortPolicy has a rollover each fifty days.
func shortPolicy() pki.Policy {
	p := policy
	p.Leaf = pki.Life{Duration: 20 * day, RenewBefore: 13 * day}
	p.Authority = pki.Life{Duration: 90 * day, RenewBefore: 40 * day}
	p.Overlap = 5 * day
	return p
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 0)), policy: shortPolicy(), now: start}
	w.phases, w.chains = map[v1alpha1.PKIPhase]int{}, map[string][]*x509.Certificate{}
	w.operate(-1)
	for range 3 {
		w.members = append(w.members, &member{running: true, files: w.api.Server})
		w.clients = append(w.clients, &reader{bundle: w.bundle, at: w.now})
	}
	return w
}

// operate is one reconcile, which dies after so many writes; negative: it does
// not. Each write is one that the API server keeps or never sees.
func (w *world) operate(writes int) {
	w.t.Helper()
	now := w.now.Add(time.Duration(w.random.Int64N(int64(2*skew))) - skew)
	stored := w.api
	stored.Published = [][]byte{w.bundle}
	set, _, err := pki.Heal(stored, w.policy, now)
	if err != nil {
		w.t.Fatal(err)
	}
	trust := set.Rollover.Trust()
	w.phases[set.Rollover.Phase()]++
	for _, write := range []func() bool{
		func() bool { return w.storeAuthority(set.Rollover) },
		func() bool { return store(&w.api.Server, pki.Leaf{KeyPair: set.Server, Trust: trust}) },
		func() bool { return store(&w.api.Operator, pki.Leaf{KeyPair: set.Operator, Trust: trust}) },
		func() bool {
			changed := !bytes.Equal(w.bundle, trust)
			w.bundle = trust
			return changed
		},
		func() bool { return w.storeAuthority(set.Rollover.Advance(w.policy, w.loaded(set), now)) },
	} {
		if writes == 0 {
			return
		}
		if write() {
			writes--
			w.check()
		}
	}
}

func (w *world) storeAuthority(r pki.Rollover) bool {
	data := r.Data()
	if maps.EqualFunc(w.api.Authority, data, bytes.Equal) {
		return false
	}
	w.api.Authority = data
	return true
}

func store(stored *pki.Leaf, l pki.Leaf) bool {
	changed := !bytes.Equal(stored.Certificate, l.Certificate) || !bytes.Equal(stored.Key, l.Key) || !bytes.Equal(stored.Trust, l.Trust)
	*stored = l
	return changed
}

func (w *world) loaded(s pki.Set) pki.Loaded {
	all := pki.Loaded{Trust: true, Leaf: true}
	for _, m := range w.members {
		if m.running {
			all.Trust = all.Trust && bytes.Equal(m.files.Trust, s.Rollover.Trust())
			all.Leaf = all.Leaf && bytes.Equal(m.files.Certificate, s.Server.Certificate)
		}
	}
	return all
}

// load gives a member the files that are stored; broken ones it does not take.
func (w *world) load(m *member) {
	if _, err := w.api.Server.TLS(); err != nil || len(w.api.Server.Trust) == 0 {
		return
	}
	m.running, m.files, m.since = true, w.api.Server, time.Time{}
}

// pass lets time go by. Whoever promised to act within it acts before: clients
// read within the overlap, members load within their patience.
func (w *world) pass(d time.Duration) {
	for _, c := range w.clients {
		if w.now.Add(d).Sub(c.at) > w.policy.Overlap-3*skew {
			w.read(c)
		}
	}
	for _, m := range w.members {
		current := bytes.Equal(m.files.Certificate, w.api.Server.Certificate) && bytes.Equal(m.files.Trust, w.api.Server.Trust)
		switch {
		case !m.running || current:
			m.since = time.Time{}
		case m.since.IsZero():
			m.since = w.now
		case w.now.Add(d).Sub(m.since) > patience:
			w.load(m)
		}
	}
	w.now = w.now.Add(d)
}

func (w *world) read(c *reader) {
	if len(w.bundle) > 0 {
		c.bundle, c.at = w.bundle, w.now
	}
}

// check holds what must always be true: every running member's certificate is
// good to every client, and the operator and every member know each other.
func (w *world) check() {
	w.t.Helper()
	for i, m := range w.members {
		if !m.running {
			continue
		}
		for j, c := range w.clients {
			w.verify(fmt.Sprintf("client %d meets member %d", j, i), m.files.Certificate, c.bundle, x509.ExtKeyUsageServerAuth)
		}
		if len(w.api.Operator.Certificate) > 0 {
			w.verify(fmt.Sprintf("the operator meets member %d", i), m.files.Certificate, w.api.Operator.Trust, x509.ExtKeyUsageServerAuth)
			w.verify(fmt.Sprintf("member %d meets the operator", i), w.api.Operator.Certificate, m.files.Trust, x509.ExtKeyUsageClientAuth)
		}
	}
}

func (w *world) verify(who string, certificate, roots []byte, usage x509.ExtKeyUsage) {
	w.t.Helper()
	chain, err := w.chain(certificate, roots, usage)
	if err != nil {
		w.t.Fatalf("%s after %s: %v\n%q", who, w.now.Sub(start), err, w.story)
	}
	for _, cert := range chain {
		if w.now.Add(-skew).Before(cert.NotBefore) || w.now.Add(skew).After(cert.NotAfter) {
			w.t.Fatalf("%s after %s: %s is valid from %s to %s, for a clock that is right\n%q",
				who, w.now.Sub(start), cert.Subject, cert.NotBefore.Sub(start), cert.NotAfter.Sub(start), w.story)
		}
	}
}

// chain is what vouches for a certificate, whatever the time.
func (w *world) chain(certificate, roots []byte, usage x509.ExtKeyUsage) ([]*x509.Certificate, error) {
	key := string(certificate) + string(roots)
	if chain := w.chains[key]; chain != nil {
		return chain, nil
	}
	cert, err := parseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	chains, err := cert.Verify(x509.VerifyOptions{Roots: pool(roots), CurrentTime: cert.NotBefore.Add(backdate), KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return nil, err
	}
	w.chains[key] = chains[0]
	return chains[0], nil
}

func (w *world) tell(what string) {
	w.story = append(w.story, fmt.Sprintf("%s: %s", w.now.Sub(start), what))
	if len(w.story) > 40 {
		w.story = w.story[1:]
	}
}

// losses are what can be lost one at a time without anybody noticing. A leaf
// can be made anew only while there is an authority whose key is not lost.
var losses = map[string]struct {
	needsAuthority bool
	lose           func(*world)
}{
	"authority": {lose: func(w *world) { w.api.Authority = nil }},
	"authority's key": {lose: func(w *world) {
		w.api.Authority = maps.Clone(w.api.Authority)
		w.api.Authority[settings.TLSKeyFile] = []byte("broken")
	}},
	"server's Secret":   {needsAuthority: true, lose: func(w *world) { w.api.Server = pki.Leaf{} }},
	"server's key":      {needsAuthority: true, lose: func(w *world) { w.api.Server.Key = []byte("broken") }},
	"operator's Secret": {needsAuthority: true, lose: func(w *world) { w.api.Operator = pki.Leaf{} }},
	"bundle":            {needsAuthority: true, lose: func(w *world) { w.bundle = nil }},
	"bundle's next root": {needsAuthority: true, lose: func(w *world) {
		if w.api.Authority["previous.crt"] == nil { // which somebody may need
			w.bundle = w.api.Authority[settings.TLSCertFile]
		}
	}},
}

// Random walks of time, acknowledgements, restarts, losses and deaths of the
// operator, through many rollovers.
func TestNobodyNotices(t *testing.T) {
	names := slices.Sorted(maps.Keys(losses))
	total := map[v1alpha1.PKIPhase]int{}
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed)
			for range 500 {
				w.step(names)
			}
			for phase, n := range w.phases {
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

func (w *world) step(losable []string) {
	w.t.Helper()
	m := w.members[w.random.IntN(len(w.members))]
	switch action := w.random.IntN(20); {
	case action < 1:
		w.tell("a member loads")
		w.load(m)
	case action < 2:
		w.tell("a member stops")
		m.running = false
	case action < 4:
		w.read(w.clients[w.random.IntN(len(w.clients))])
	case action < 7:
		n := w.random.IntN(4)
		w.tell(fmt.Sprintf("the operator dies after %d writes", n))
		w.operate(n)
	case action < 8:
		w.lose(losable[w.random.IntN(len(losable))])
	default:
		w.tell("time passes")
		w.pass(time.Duration(w.random.Int64N(int64(day))))
		w.check()
		w.operate(-1)
	}
	w.check()
}

// lose loses one thing, and lets an operator find out which dies at first.
func (w *world) lose(what string) {
	w.t.Helper()
	loss := losses[what]
	_, err := pki.KeyPair{Certificate: w.api.Authority[settings.TLSCertFile], Key: w.api.Authority[settings.TLSKeyFile]}.TLS()
	if loss.needsAuthority && err != nil || !loss.needsAuthority && w.now.Sub(w.lost) < 30*day {
		return
	}
	if !loss.needsAuthority {
		w.lost = w.now // what it signed lasts until everybody knows the next, once
	}
	w.tell("lost: " + what)
	loss.lose(w)
	w.pass(time.Duration(w.random.Int64N(int64(time.Hour))))
	w.read(w.clients[w.random.IntN(len(w.clients))])
	w.operate(w.random.IntN(4))
	w.operate(-1)
}

// Whatever is damaged, in whatever combination, and however long the operator
// was away: it heals, and ends with one authority.
func TestHealsFromAnything(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed)
			backup := w.api
			for range 15 {
				w.wreck(backup)
			}
			w.unpromised(func() { w.operate(-1) })
			w.everybodyLooks()
			w.check()
			stable := false
			for range 20 * 4 {
				stable = stable || w.phase() == v1alpha1.PKIStable
				w.pass(6 * time.Hour)
				w.unpromised(func() { w.operate(-1) })
				w.everybodyLooks()
			}
			w.check()
			if !stable {
				t.Errorf("after twenty days still %s", w.phase())
			}
		})
	}
}

// unpromised runs what may break what is promised.
func (w *world) unpromised(run func()) {
	members := w.members
	w.members = nil
	run()
	w.members = members
}

func (w *world) everybodyLooks() {
	for _, m := range w.members {
		w.load(m)
	}
	for _, c := range w.clients {
		w.read(c)
	}
}

func (w *world) phase() v1alpha1.PKIPhase {
	return pki.Read(w.api, w.policy, w.now).Rollover.Phase()
}

// wreck damages anything, and now and then lets an operator try.
func (w *world) wreck(backup pki.Stored) {
	authority := maps.Clone(w.api.Authority)
	key := []string{settings.TLSCertFile, settings.TLSKeyFile, "next.crt", "next.key", "previous.crt", "since", "bundle"}[w.random.IntN(7)]
	switch w.random.IntN(10) {
	case 0:
		authority = nil
	case 1:
		delete(authority, key)
	case 2:
		if authority != nil {
			authority[key] = []byte("-----BEGIN CERTIFICATE-----\nbroken")
		}
	case 3:
		authority = backup.Authority
	case 4:
		w.api.Server = pki.Leaf{}
	case 5:
		w.api.Server, w.api.Operator = w.api.Operator, w.api.Server
	case 6:
		w.api.Operator.Trust = []byte("broken")
	case 7:
		w.api.Server = backup.Server
	case 8:
		w.bundle = backup.Authority[settings.TLSCertFile]
	case 9:
		w.now = w.now.Add(time.Duration(w.random.Int64N(int64(40 * day))))
	}
	w.api.Authority = authority
	if w.random.IntN(2) == 0 {
		w.unpromised(func() { w.operate(w.random.IntN(5)) })
	}
}

// A rollover goes through its phases one after the other, each waiting for
// members and, where it is about clients, for the overlap.
func TestPhases(t *testing.T) {
	p, now := shortPolicy(), start
	set, _, err := pki.Heal(pki.Stored{}, p, now)
	if err != nil {
		t.Fatal(err)
	}
	now = start.Add(50 * day)
	nothing, all := pki.Loaded{}, pki.Loaded{Trust: true, Leaf: true}
	for _, step := range []struct {
		reason string
		after  time.Duration
		loaded pki.Loaded
		want   v1alpha1.PKIPhase
	}{
		{"the authority is due; from now on clients find both", 0, nothing, v1alpha1.PKITrusting},
		{"members have both, clients may not have looked", 5*day - time.Second, all, v1alpha1.PKITrusting},
		{"clients have had their time, a member has not told", time.Second, nothing, v1alpha1.PKITrusting},
		{"a member that knows the roots need not have the newest leaf", 0, pki.Loaded{Trust: true}, v1alpha1.PKIIssuing},
		{"a member serves what the old authority signed", 6 * day, pki.Loaded{Trust: true}, v1alpha1.PKIIssuing},
		{"nobody does any more", 0, all, v1alpha1.PKIRetiring},
		{"clients may hold on to the old one", 5*day - time.Second, all, v1alpha1.PKIRetiring},
		{"a member started with old files", time.Second, pki.Loaded{Leaf: true}, v1alpha1.PKIRetiring},
		{"the old one goes", 0, all, v1alpha1.PKIStable},
	} {
		now = now.Add(step.after)
		s := stored(set)
		if set, _, err = pki.Heal(s, p, now); err != nil {
			t.Fatal(err)
		}
		set.Rollover = set.Rollover.Advance(p, step.loaded, now)
		if got := set.Rollover.Phase(); got != step.want {
			t.Errorf("%s, want %s: %s", got, step.want, step.reason)
		}
	}
}

// Who reads while the bundle is not the operator's learns nothing, so the time
// that clients have begins anew. So it does after a clock was far ahead.
func TestOverlapBeginsAnew(t *testing.T) {
	p, now := shortPolicy(), start.Add(50*day)
	set, _, err := pki.Heal(stored(heal(t, pki.Stored{}, start)), p, now)
	if err != nil {
		t.Fatal(err)
	}
	set.Rollover = set.Rollover.Advance(p, pki.Loaded{}, now)
	for name, alter := range map[string]func(*pki.Stored, *time.Time){
		"altered": func(s *pki.Stored, _ *time.Time) { s.Published = append(s.Published, []byte("other")) },
		"deleted": func(s *pki.Stored, _ *time.Time) { s.Published = [][]byte{nil} },
		"clock":   func(_ *pki.Stored, now *time.Time) { *now = now.Add(-day) },
	} {
		t.Run(name, func(t *testing.T) {
			s, now := stored(set), now
			alter(&s, &now)
			got, _, err := pki.Heal(s, p, now)
			if err != nil {
				t.Fatal(err)
			}
			if until := got.Rollover.Until(p); !until.IsZero() {
				t.Errorf("it is over at %s", until)
			}
			if got.Rollover.Phase() != v1alpha1.PKITrusting || !bytes.Equal(got.Rollover.Trust(), set.Rollover.Trust()) {
				t.Errorf("phase %s, or other roots", got.Rollover.Phase())
			}
		})
	}
}

// Where clients trust another authority, only members learn of the next root. They
// too have the whole time for one that takes the place of another.
func TestOverlapIsThatOfTheRoots(t *testing.T) {
	p, now := shortPolicy(), start.Add(50*day)
	corp := issuer.New(t, "corp", now)
	set, _, err := pki.Heal(stored(heal(t, pki.Stored{}, start)), p, now)
	if err != nil {
		t.Fatal(err)
	}
	h, err := pki.Show(pki.Stored{}, set, offerOf(t, corp, p.Names.DNS, now, 30*day), p, now)
	if err != nil {
		t.Fatal(err)
	}
	set.Rollover = set.Rollover.Advance(p, pki.Loaded{}, now)
	s := stored(set)
	s.Shown, s.Published = h.Shown, [][]byte{h.Trust()}
	handover, err := h.Data()
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(s.Authority, handover)

	same, _, err := pki.Heal(s, p, now)
	if err != nil || same.Rollover.Until(p).IsZero() {
		t.Fatalf("nothing has changed, and the overlap is not over at any time: %v", err)
	}
	delete(s.Authority, "next.key")
	other, _, err := pki.Heal(s, p, now)
	if until := other.Rollover.Until(p); err != nil || !until.IsZero() {
		t.Errorf("the overlap of another root is over at %s: %v", until, err)
	}
}
