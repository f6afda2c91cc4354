package rotation

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/pki"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
	"github.com/flight-operator/flight-operator/test/process"
)

const (
	// step is what passes between two looks.
	step = 48 * time.Hour
	// limit is how many steps may pass. The operator's clock begins so long ago, and
	// whatever it makes is good today: processes and clients have the real time.
	limit = 48

	user, password = "ana", "correct horse"
)

// lives make each thing that rotates do so several times within the limit. An
// overlap is three steps: clients read at each or at every other.
func lives(cr *v1alpha1.FlightCluster) {
	steps := func(n int) *metav1.Duration { return &metav1.Duration{Duration: time.Duration(n) * step} }
	cr.Spec.TLS = &v1alpha1.TLSSpec{
		Provider: v1alpha1.TLSOperator,
		Leaf:     &v1alpha1.LeafSpec{Duration: steps(49), RenewBefore: steps(43)},
		CA:       &v1alpha1.CASpec{Duration: steps(50), RenewBefore: steps(35), Overlap: steps(3)},
	}
	cr.Spec.Auth.Tokens[0].Rotation = &v1alpha1.TokenRotation{Interval: steps(5), Overlap: steps(3)}
	cr.Spec.Auth.Users = []v1alpha1.UserSpec{{Name: user, Role: "Writer", SecretRef: v1alpha1.SecretReference{Name: user}}}
}

// world is a cluster with its members and their clients.
type world struct {
	*env.Cluster

	t       *testing.T
	host    string
	steps   int
	members []*member
	callers map[*member][]*caller
	seen    sightings
}

// sightings are the different things that there have been.
type sightings struct{ authorities, leaves, tokens, signers map[string]bool }

// Five servers, one of them late, one that crashes and comes back, one that
// crashes for ever: nobody's call fails, and nothing waits for the dead.
func TestNobodyNotices(t *testing.T) {
	w := newWorld(t)
	quick, slow, returning, lost := w.members[0], w.members[2], w.members[3], w.members[4]
	quick.lag, slow.lag = 0, 3

	w.until("a first authority is being replaced", func() bool { return w.phase() == v1alpha1.PKITrusting })
	w.crash(returning)
	w.crash(lost)
	w.until("it is replaced without them", func() bool { return len(w.seen.authorities) == 2 && w.phase() == v1alpha1.PKIStable })
	w.start(returning)
	w.until("so is a second, and all else", func() bool {
		return len(w.seen.authorities) > 2 && w.phase() == v1alpha1.PKIStable &&
			len(w.seen.leaves) > 3 && len(w.seen.tokens) > 3 && len(w.seen.signers) > 1
	})
	w.rest()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Cluster: api.NewCluster(t, lives), t: t, callers: map[*member][]*caller{}}
	w.seen = sightings{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	w.host = "prod." + w.Key.Namespace + ".svc"
	w.Clock = testingclock.NewFakeClock(time.Now().Add(-limit * step))
	w.Controller.Clock, w.Controller.Dialer = w.Clock, w.dialer()
	w.Kubelet.Pods, w.Kubelet.Crashing = 5, map[string]bool{}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: user, Namespace: w.Key.Namespace},
		Type:       corev1.SecretTypeBasicAuth,
		StringData: map[string]string{corev1.BasicAuthPasswordKey: password},
	}
	if err := api.Client.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	w.Reconcile()
	w.Kubelet.Sync(t)
	binary := process.Build(t)
	for i := range w.Kubelet.Pods {
		w.members = append(w.members, newMember(t, binary, i, 1))
		w.members[i].start(t, w.Cluster)
	}
	w.reconcile() // hands the first token over
	for _, m := range w.members {
		w.startClients(m)
	}
	return w
}

func (w *world) dialer() serveradmin.Dialer {
	return serveradmin.Dialer{Now: w.Clock.Now, DialContext: func(ctx context.Context, address string) (net.Conn, error) {
		for _, m := range w.members {
			if strings.HasPrefix(address, m.name+".") {
				return m.dial(ctx)
			}
		}
		return nil, fmt.Errorf("no such host: %s", address)
	}}
}

// until lets time go by until something is so.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	for !is() {
		if w.steps++; w.steps > limit {
			w.t.Fatalf("never seen: %s; phase %s, %d authorities, %d leaves, %d tokens, %d signers", what, w.phase(),
				len(w.seen.authorities), len(w.seen.leaves), len(w.seen.tokens), len(w.seen.signers))
		}
		w.Clock.Step(step)
		w.pass()
		if w.t.Failed() {
			w.t.FailNow()
		}
	}
}

// pass is one step: the operator works, kubelets carry, servers load, clients
// read.
func (w *world) pass() {
	w.t.Helper()
	w.reconcile()
	for _, m := range w.members {
		m.carry(w.t, w.Cluster)
		if m.server != nil {
			operator := w.operator(m)
			m.await(w.t, operator)
			_ = operator.Close()
		}
	}
	w.reconcile()
	w.read()
}

func (w *world) reconcile() {
	w.t.Helper()
	for range 2 {
		w.Reconcile()
		w.look()
	}
}

// look notes what there is.
func (w *world) look() {
	w.seen.authorities[w.Resource().Status.PKI.ActiveCA] = true
	w.seen.leaves[string(w.Secret("prod-server-tls").Data[settings.TLSCertFile])] = true
	w.seen.signers[signer(w.t, w.Secret("prod-signing-keys"))] = true
	token, _ := secretOf(w.Cluster)
	w.seen.tokens[token] = true
}

func signer(t *testing.T, secret *corev1.Secret) string {
	t.Helper()
	file, err := settings.ParseSigningKeys(secret.Data[settings.SigningKeysFile])
	if err != nil {
		t.Fatal(err)
	}
	return file.Keys[0].ID
}

func (w *world) phase() v1alpha1.PKIPhase { return w.Resource().Status.PKI.Phase }

// operator speaks to a member as the operator does.
func (w *world) operator(m *member) *serveradmin.Client {
	w.t.Helper()
	secret := w.Secret("prod-operator-tls")
	certificate, err := pki.KeyPair{Certificate: secret.Data[settings.TLSCertFile], Key: secret.Data[settings.TLSKeyFile]}.TLS()
	if err != nil {
		w.t.Fatal(err)
	}
	client, err := w.dialer().Dial(serveradmin.Target{
		Host: m.name + ".prod-peers." + w.Key.Namespace + ".svc", Roots: secret.Data[settings.CAFile], Certificate: certificate,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}

// startClients gives a member three: one that connects for each call, one that
// keeps its connection and reads at every other step, and one that logged in at
// another member.
func (w *world) startClients(m *member) {
	w.t.Helper()
	w.callers[m] = []*caller{
		{name: "new connections to " + m.name, host: w.host},
		{name: "one connection to " + m.name, host: w.host, keep: true},
		{name: "a user of " + m.name, host: w.host},
	}
	w.readFor(m, w.bearer())
	for _, c := range w.callers[m] {
		c.run(w.t, m.server.Address)
	}
}

// read is what clients do at each step.
func (w *world) read() {
	w.t.Helper()
	bearer := w.bearer()
	for m := range w.callers {
		w.readFor(m, bearer)
	}
}

func (w *world) readFor(m *member, bearer string) {
	w.t.Helper()
	header, roots := secretOf(w.Cluster)
	of := w.callers[m]
	of[0].knows(w.steps, header, roots)
	if of[1].known.roots == nil || w.steps%2 == 0 {
		of[1].knows(w.steps, header, roots)
	}
	of[2].knows(w.steps, bearer, roots)
}

// bearer is of a login at a member, at each step at another.
func (w *world) bearer() string {
	w.t.Helper()
	m := w.members[w.steps%3]
	_, roots := secretOf(w.Cluster)
	return logIn(w.t, m.server.Address, w.host, user, password, roots)
}

// crash ends a member for whom nobody calls at the moment.
func (w *world) crash(m *member) {
	w.t.Helper()
	for _, c := range w.callers[m] {
		c.stop()
	}
	delete(w.callers, m)
	m.crash()
	w.Kubelet.Crashing[m.name] = true
	w.Kubelet.Sync(w.t)
}

func (w *world) start(m *member) {
	w.t.Helper()
	delete(w.Kubelet.Crashing, m.name)
	m.start(w.t, w.Cluster)
	w.Kubelet.Sync(w.t)
	w.startClients(m)
}

// rest ends the clients and sees that each has called.
func (w *world) rest() {
	w.t.Helper()
	calls := 0
	for _, of := range w.callers {
		for _, c := range of {
			c.stop()
			calls += c.calls
			if c.calls == 0 {
				w.t.Errorf("%s never called", c.name)
			}
		}
	}
	w.t.Logf("%d steps, %d calls, %d authorities, %d leaves, %d tokens, %d signing keys", w.steps, calls,
		len(w.seen.authorities), len(w.seen.leaves), len(w.seen.tokens), len(w.seen.signers))
}
