package rotation

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// world is a cluster whose operator dies, whose clocks differ, whose members
// come and go, and whose Secrets are deleted and edited.
type world struct {
	random *rand.Rand
	now    time.Time // the true one
	log    []string

	// Secrets.
	record   []byte
	servers  []settings.Token
	consumer string
	// annotation asks for this and is there until the operator removes it.
	annotation Request

	members []*member
	holder  struct {
		text string
		read time.Time
	}
	revoked     map[string]bool
	replacement string          // of the last that was revoked, until all members accept it
	broken      string          // the first promise that was, while time went by
	delivered   map[string]bool // by the operator: other texts in the consumer's Secret are somebody's edit
}

type member struct {
	running, ready, answers bool
	mounted, loaded         []settings.Token
	carriedAt               time.Time // when the kubelet brought what is mounted
}

var spec = v1alpha1.TokenSpec{Name: "etl", Role: "Writer", Rotation: &v1alpha1.TokenRotation{
	Interval: &metav1.Duration{Duration: 3 * time.Hour},
	Overlap:  &metav1.Duration{Duration: time.Hour},
}}

// died ends a reconcile in its middle.
const died = true

// TestWalks holds what the package promises whatever happens, in whichever order.
func TestWalks(t *testing.T) {
	for seed := range uint64(30) {
		w := newWorld(seed)
		for range 200 {
			w.step()
			if fault := cmp.Or(w.broken, w.fault()); fault != "" {
				t.Fatalf("seed %d: %s, after\n%s", seed, fault, w.tail())
			}
		}
		w.rest()
		if fault := w.settled(); fault != "" {
			t.Fatalf("seed %d, at rest: %s, after\n%s", seed, fault, w.tail())
		}
	}
}

func newWorld(seed uint64) *world {
	w := &world{
		random:    rand.New(rand.NewPCG(seed, 1)),
		now:       time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		revoked:   map[string]bool{},
		delivered: map[string]bool{},
	}
	w.rest()
	for range 1 + w.random.IntN(4) {
		m := &member{}
		w.start(m)
		w.load(m)
		m.ready, m.answers = true, true
		w.members = append(w.members, m)
	}
	w.rest()
	w.read()
	return w
}

func (w *world) step() {
	w.notef("%s", w.now.Format(time.TimeOnly))
	switch w.random.IntN(12) {
	case 0, 1:
		w.annotation = Rotate
		w.notef("rotate")
	case 2:
		if w.random.IntN(10) == 0 {
			w.annotation = Revoke
			w.notef("revoke")
		}
	case 3:
		if w.random.IntN(4) == 0 {
			w.damage()
		}
	case 4, 5, 6:
		w.pass(time.Duration(w.random.IntN(300)) * time.Minute) // the operator is away
	case 7, 8:
		w.live()
	default:
		w.pass(time.Duration(w.random.IntN(180)) * time.Second)
	}
	w.reconcile(w.random.IntN(7))
	if w.random.IntN(2) == 0 {
		w.reconcile(99)
	}
	if w.random.IntN(2) == 0 {
		w.read()
	}
}

// pass lets time go by. The consumer reads its Secret often enough.
func (w *world) pass(d time.Duration) {
	const often = 50 * time.Minute
	for ; d > 0; d -= often {
		w.now = w.now.Add(min(d, often))
		w.kubelets()
		if w.broken == "" {
			w.broken = w.fault()
		}
		w.read()
	}
}

func (w *world) read() {
	if w.delivered[w.consumer] { // else somebody deleted or edited it
		w.holder.text, w.holder.read = w.consumer, w.now
	}
}

// live is what members do.
func (w *world) live() {
	m := w.members[w.random.IntN(len(w.members))]
	switch w.random.IntN(5) {
	case 0:
		w.notef("member stops")
		*m = member{}
	case 1:
		if !m.running && w.servers != nil {
			w.notef("member starts")
			w.start(m)
		}
	case 2:
		w.notef("member is mute, answers: %t", !m.answers)
		m.answers = !m.answers && m.ready
	default:
		if m.running && !m.ready {
			w.notef("member serves")
			w.load(m)
			m.ready, m.answers = true, true
		}
	}
}

func (w *world) start(m *member) { *m = member{running: true, mounted: w.servers, carriedAt: w.now} }

func (*world) load(m *member) { m.loaded = m.mounted }

// kubelets carry what changed within two minutes, and keep what is deleted;
// members that serve load it then.
func (w *world) kubelets() {
	for _, m := range w.members {
		if m.running && w.servers != nil && (w.random.IntN(2) == 0 || w.now.Sub(m.carriedAt) >= 2*time.Minute) {
			m.mounted, m.carriedAt = w.servers, w.now
		}
		if m.ready {
			w.load(m)
		}
	}
	late := func(m *member) bool {
		return m.running && !(accepts(m.mounted, w.replacement) && accepts(m.loaded, w.replacement))
	}
	if accepts(w.servers, w.replacement) && !slices.ContainsFunc(w.members, late) {
		w.replacement = ""
	}
}

// damage is done to Secrets while nothing is half written.
func (w *world) damage() {
	w.reconcile(99)
	switch w.random.IntN(5) {
	case 0:
		w.notef("consumer's Secret deleted")
		w.consumer = ""
	case 1:
		w.notef("consumer's Secret edited")
		w.consumer = newText()
	case 2:
		w.notef("servers' Secret deleted")
		w.servers = nil
	case 3:
		w.notef("record deleted")
		w.record = nil
	case 4:
		w.notef("record edited")
		w.record = w.record[:w.random.IntN(len(w.record))]
	}
}

// reconcile does what the controller does, in its order, and dies after that
// many writes.
func (w *world) reconcile(writes int) {
	now := w.now.Add(time.Duration(w.random.Int64N(int64(Skew)))) // of whichever machine
	write := func(what string, do func()) bool {
		if writes == 0 {
			w.notef("operator dies before %s", what)
			return died
		}
		writes--
		do()
		return !died
	}
	r := ParseRecord(w.record)
	if w.annotation != "" {
		r = r.Ask(spec.Name, w.annotation)
		if write("noting a request", func() { w.store(r) }) || write("removing the annotation", func() { w.annotation = "" }) {
			return
		}
	}
	before := r
	r, changes := r.Next([]v1alpha1.TokenSpec{spec}, Seen{Digests: w.servers, Texts: map[string]string{spec.Name: w.consumer}, Now: now})
	if write("the record", func() { w.store(r) }) {
		return
	}
	if slices.Contains(changes, Change{spec.Name, Revoked}) {
		w.revoke(before, r)
	}
	if w.write(r, write) || write("digests", func() { w.servers = r.Digests(spec.Name, settings.RoleWriter) }) {
		return
	}
	r, _ = r.HandOver(func(published time.Time) bool {
		return Acknowledged(w.told(), revision(w.servers), published, now)
	}, now)
	w.write(r, write)
}

func (w *world) write(r Record, write func(string, func()) bool) bool {
	return write("the record", func() { w.store(r) }) || write("the token", func() { w.deliver(r) })
}

func (w *world) store(r Record) {
	text, err := r.Marshal()
	if err != nil {
		panic(err)
	}
	w.record = text
}

func (w *world) deliver(r Record) {
	if text := r.Text(spec.Name); text != "" {
		w.consumer = text
		w.delivered[text] = true
	}
}

// revoke remembers what is no longer good once the record is stored.
func (w *world) revoke(before, after Record) {
	w.replacement = after.Text(spec.Name)
	for text := range w.delivered {
		w.revoked[text] = true
	}
	for _, t := range before.Tokens {
		for _, k := range t.Keys {
			w.revoked[k.Text] = true
		}
	}
	delete(w.revoked, w.replacement)
	delete(w.revoked, "")
}

func (w *world) told() []Member {
	var out []Member
	for _, m := range w.members {
		if m.running {
			out = append(out, Member{Ready: m.ready, Answered: m.answers, Revision: revision(m.loaded)})
		}
	}
	return out
}

func revision(tokens []settings.Token) string { return fmt.Sprint(tokens) }

func accepts(tokens []settings.Token, text string) bool {
	return slices.ContainsFunc(tokens, func(d settings.Token) bool { return d.SHA256 == digest(text) })
}

// fault tells which promise is broken now. A revocation asks that the consumer's
// text is of no use, until members have loaded the one that replaces it.
func (w *world) fault() string {
	digests := ParseRecord(w.record).Digests(spec.Name, settings.RoleWriter)
	for i, m := range w.members {
		if !m.ready {
			continue
		}
		if text := w.holder.text; !w.revoked[text] && text != w.replacement && !accepts(m.loaded, text) {
			return fmt.Sprintf("member %d refuses what the consumer read %s ago", i, w.now.Sub(w.holder.read))
		}
		if revision(m.loaded) == revision(digests) && w.acceptsRevoked(m.loaded) {
			return fmt.Sprintf("member %d accepts what was revoked", i)
		}
	}
	return ""
}

func (w *world) acceptsRevoked(tokens []settings.Token) bool {
	for text := range w.revoked {
		if accepts(tokens, text) {
			return true
		}
	}
	return false
}

// rest lets everything work undisturbed until nothing changes.
func (w *world) rest() {
	for _, m := range w.members {
		if m.running {
			m.ready, m.answers = true, true
		}
	}
	for range 12 {
		w.reconcile(99)
		w.now = w.now.Add(2 * time.Minute)
		w.kubelets()
	}
	w.read()
}

// settled tells what is not as it should be at rest.
func (w *world) settled() string {
	if !accepts(w.servers, w.consumer) {
		return "servers are told to refuse the consumer's token"
	}
	if w.acceptsRevoked(w.servers) {
		return "servers are told to accept what was revoked"
	}
	if w.annotation != "" {
		return "the annotation is still there"
	}
	return w.fault()
}

func (w *world) notef(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

func (w *world) tail() string {
	out := ""
	for _, line := range w.log[max(0, len(w.log)-60):] {
		out += line + "\n"
	}
	return out
}
