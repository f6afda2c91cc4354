package flightcluster_test

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
)

// cacheOf gives a client whose reads of Secrets are answered as they stand now,
// whatever changes later: the cache of an operator that has just become leader,
// filled by an API server that is behind.
func cacheOf(t *testing.T, c *env.Cluster) client.Client {
	t.Helper()
	secrets := &corev1.SecretList{}
	if err := api.Client.List(t.Context(), secrets, client.InNamespace(c.Key.Namespace)); err != nil {
		t.Fatal(err)
	}
	return interceptor.NewClient(c.Writes.Client, interceptor.Funcs{
		Get: func(ctx context.Context, live client.WithWatch, key client.ObjectKey, out client.Object, opts ...client.GetOption) error {
			secret, ok := out.(*corev1.Secret)
			for i := range secrets.Items {
				if ok && secrets.Items[i].Name == key.Name {
					secrets.Items[i].DeepCopyInto(secret)
					return nil
				}
			}
			return live.Get(ctx, key, out, opts...)
		},
		List: func(ctx context.Context, live client.WithWatch, out client.ObjectList, opts ...client.ListOption) error {
			if list, ok := out.(*corev1.SecretList); ok {
				for i := range secrets.Items { // the controller lists those of tokens
					if secrets.Items[i].Labels[metadata.LabelToken] != "" {
						list.Items = append(list.Items, secrets.Items[i])
					}
				}
				return nil
			}
			return live.List(ctx, out, opts...)
		},
	})
}

// What was read too early must not bring an authority back that is trusted no
// longer, nor take a key away that signs.
func TestReadsTooEarlyDoNoHarm(t *testing.T) {
	c := rolling(t)
	stale := cacheOf(t, c)
	roll(c)
	c.Clock.Step(720 * time.Hour)
	c.Server.Load(t)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIStable)
	held := func() map[string]string {
		return map[string]string{
			"roots":        bundleOf(c),
			"certificate":  string(c.Secret("prod-server-tls").Data[settings.TLSCertFile]),
			"authority":    string(c.Secret("prod-ca").Data[settings.TLSCertFile]),
			"signing keys": string(c.Secret("prod-signing-keys").Data[settings.SigningKeysFile]),
			"token":        tokenOf(c),
		}
	}
	before := held()

	fresh := c.Controller.Client
	c.Controller.Client = stale
	for range 3 {
		c.Reconcile()
	}
	for what, now := range held() {
		if now != before[what] {
			t.Errorf("%s: changed by an operator whose cache is behind", what)
		}
	}
	c.Controller.Client = fresh
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIStable)
}
