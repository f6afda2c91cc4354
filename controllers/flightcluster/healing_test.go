package flightcluster_test

import (
	"crypto/x509"
	"maps"
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/rotation"
	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
)

const (
	day = 24 * time.Hour
	// overlap is that of authorities, for clocks that differ.
	overlap = 14*day + rotation.Skew
)

// garbage is text in a ConfigMap, and something else in a Secret.
const garbage = "Z2FyYmFnZQ=="

// Whatever of the cluster's own is deleted or damaged is as it should be a
// moment later, and clients go on meanwhile with what they have read before.
func TestEverySecretAndConfigMapHeals(t *testing.T) {
	t.Parallel()
	other, past := api.NewCluster(t, nil), api.NewCluster(t, nil)
	past.Clock.Step(-2 * 365 * day)
	other.Settle()
	past.Settle()
	expired := map[string]map[string]any{}
	for _, object := range holders(t, past) {
		expired[object.GetName()] = dataOf(object)
	}
	for _, object := range holders(t, other) {
		t.Run(object.GetName(), func(t *testing.T) {
			t.Parallel()
			c := api.NewCluster(t, nil)
			c.Settle()
			for _, d := range []damage{
				{name: "deleted"},
				{name: "emptied", do: func(data map[string]any) { clear(data) }},
				{name: "unreadable", do: func(data map[string]any) { fill(data, garbage) }},
				{name: "blank", do: func(data map[string]any) { fill(data, "") }},
				{name: "extended", do: func(data map[string]any) { data["foreign"] = garbage }},
				{name: "another cluster's", foreign: true, do: func(data map[string]any) { replace(data, dataOf(object)) }},
				{name: "of two years ago", foreign: true, do: func(data map[string]any) { replace(data, expired[object.GetName()]) }},
			} {
				t.Run(d.name, func(t *testing.T) { heals(t, c, object, d) })
			}
		})
	}
}

// damage is what can become of an object's data.
type damage struct {
	name    string
	do      func(data map[string]any) // nil: the object is deleted
	foreign bool                      // it is whole, but not this cluster's
}

func (d damage) to(t *testing.T, c *env.Cluster, object *unstructured.Unstructured) error {
	t.Helper()
	if d.do == nil {
		c.Delete(object.GetName(), object)
		return nil
	}
	data := dataOf(object)
	d.do(data)
	object.Object["data"] = data
	return api.Client.Update(t.Context(), object)
}

func fill(data map[string]any, value string) {
	for key := range data {
		data[key] = value
	}
}

func replace(data, by map[string]any) {
	clear(data)
	maps.Copy(data, by)
}

// heals damages one object of a cluster, which others have like it.
func heals(t *testing.T, c *env.Cluster, like *unstructured.Unstructured, damage damage) {
	t.Helper()
	reader, object := newReader(c), &unstructured.Unstructured{}
	object.SetGroupVersionKind(like.GroupVersionKind())
	c.Get(like.GetName(), object)
	if err := damage.to(t, c, object); apierrors.IsInvalid(err) {
		return // no Secret of its type can be damaged so
	} else if err != nil {
		t.Fatal(err)
	}
	switch {
	case like.GetName() == "prod-signing-keys":
		reader.signer = "" // people log in anew
	case like.GetName() == "prod-tokens" && damage.foreign:
		// A record that can be read is believed, whatever others hold: a token that
		// was revoked must not come back.
		reader.token = ""
	}
	reader.settle(t)
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	for range 2 { // where another authority takes over
		if c.Resource().Status.PKI.Phase != v1alpha1.PKIStable {
			c.Clock.Step(overlap)
			c.Settle()
		}
	}
	expectPhase(t, c, v1alpha1.PKIStable)
	c.Get(like.GetName(), object)
	for key := range dataOf(like) {
		if value := dataOf(object)[key]; value == nil || value == "" || value == garbage {
			t.Errorf("%s is %q", key, value)
		}
	}
	newReader(c).check(t)
	c.Writes.KillAfter(-1)
	c.Reconcile()
	if n := c.Writes.Count(); n != 0 {
		t.Errorf("%d more writes, want none", n)
	}
}

// holders are the Secrets and ConfigMaps of a cluster's own.
func holders(t *testing.T, c *env.Cluster) []*unstructured.Unstructured {
	t.Helper()
	var own []*unstructured.Unstructured
	for _, kind := range []string{"Secret", "ConfigMap"} {
		list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": kind + "List"}}
		if err := api.Client.List(t.Context(), list, client.InNamespace(c.Key.Namespace)); err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			if metadata.IsOwned(&list.Items[i], c.Resource()) {
				own = append(own, &list.Items[i])
			}
		}
	}
	return own
}

func dataOf(object *unstructured.Unstructured) map[string]any {
	data, _ := object.Object["data"].(map[string]any)
	if data == nil {
		data = map[string]any{}
	}
	return data
}

// An operator that comes back finds what is due, or has ended, and goes on. Who
// has read a token and roots before it left is served again.
func TestOperatorWasAway(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		from, away time.Duration
		forgotten  bool // what clients have read ended meanwhile
	}{
		"for a month":                         {away: 31 * day},
		"for a month of a rollover":           {from: 280 * day, away: 31 * day},
		"until the authority is due":          {away: 280 * day},
		"until the authority is about to end": {away: 365*day - time.Minute, forgotten: true},
		"until the authority has ended":       {away: 400 * day, forgotten: true},
		"until both of a rollover have ended": {from: 280 * day, away: 800 * day, forgotten: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) {
				cr.Spec.Auth.Tokens[0].Rotation = &v1alpha1.TokenRotation{}
			})
			c.Settle()
			c.Clock.Step(tc.from)
			c.Settle()
			reader := newReader(c)
			c.Clock.Step(tc.away)
			c.Settle()
			c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
			if !tc.forgotten {
				reader.check(t)
			}
			newReader(c).check(t)
			expectRest(t, c)
		})
	}
}

// Clocks of the operator, of members and of clients may each be off by five
// minutes, also while everything is replaced.
func TestClocksDiffer(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
		t.Run(skew.String(), func(t *testing.T) {
			t.Parallel()
			c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) {
				shortLives(cr)
				rotating(cr)
			})
			c.Server.Skew(skew)
			c.Settle()
			for _, pass := range []time.Duration{50 * day, 6 * day, 6 * day} { // a rollover
				reader := newReader(c)
				reader.skew = skew
				c.Clock.Step(pass)
				reader.settle(t)
				c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
			}
			for _, token := range c.Server.Loaded().Credentials.Tokens {
				if !token.NotBefore.IsZero() || !token.NotAfter.IsZero() {
					t.Errorf("token %s begins or ends by the member's clock", token.KeyID)
				}
			}
		})
	}
}

// reader is a client that goes on with what it has read.
type reader struct {
	c      *env.Cluster
	token  string // empty: it reads another
	roots  *x509.CertPool
	signer string        // of its bearer; empty: it has none
	skew   time.Duration // of its clock
}

func newReader(c *env.Cluster) *reader {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(c.Secret("prod-token-etl").Data[settings.CAFile])
	return &reader{c: c, token: tokenOf(c), roots: roots, signer: c.Server.Loaded().SigningKeys.Keys[0].ID}
}

// settle does what the cluster's Settle does, and looks after each turn.
func (r *reader) settle(t *testing.T) {
	t.Helper()
	for range 4 {
		r.c.Reconcile()
		r.check(t)
		r.c.Kubelet.Sync(t)
		r.c.Server.Load(t)
		r.check(t)
	}
	r.c.Reconcile()
}

// check tells whether the member serves the client with what it has loaded.
func (r *reader) check(t *testing.T) {
	t.Helper()
	loaded := r.c.Server.Loaded()
	_, err := loaded.Certificate.Verify(x509.VerifyOptions{
		Roots: r.roots, DNSName: "prod." + r.c.Key.Namespace + ".svc", CurrentTime: r.c.Clock.Now().Add(r.skew),
	})
	if err != nil {
		t.Errorf("the client does not trust the member: %v", err)
	}
	if r.token != "" && !slices.ContainsFunc(loaded.Credentials.Tokens, func(d settings.Token) bool { return d.SHA256 == auth.Digest(r.token) }) {
		t.Error("the member refuses the client's token")
	}
	if r.signer != "" && !slices.ContainsFunc(loaded.SigningKeys.Keys, func(k settings.SigningKey) bool { return k.ID == r.signer }) {
		t.Error("the member refuses the client's bearer")
	}
}
