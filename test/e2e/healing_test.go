//go:build e2e

package e2e

import (
	"errors"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestDeletedChildrenComeBack(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	create(t, cr)
	flight(t, cr, "put", sampleFile("planes"), "--path", "planes")
	named := func(suffix string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: cr.Namespace, Name: cr.Name + suffix}
	}

	for name, child := range map[string]client.Object{
		"client Service":       &corev1.Service{ObjectMeta: named("")},
		"headless Service":     &corev1.Service{ObjectMeta: named("-peers")},
		"settings":             &corev1.ConfigMap{ObjectMeta: named("-settings")},
		"trust bundle":         &corev1.ConfigMap{ObjectMeta: named("-ca-bundle")},
		"digests":              &corev1.Secret{ObjectMeta: named("-auth")},
		"server's certificate": &corev1.Secret{ObjectMeta: named("-server-tls")},
		"token":                &corev1.Secret{ObjectMeta: named("-token-dashboard")},
		"StatefulSet":          &appsv1.StatefulSet{ObjectMeta: named("")},
	} {
		get(t, child)
		old := child.GetUID()
		if err := api.Delete(t.Context(), child); err != nil {
			t.Fatal(err)
		}
		eventually(t, name+" comes back", func() error {
			if err := api.Get(t.Context(), client.ObjectKeyFromObject(child), child); err != nil {
				return err
			}
			if child.GetUID() == old {
				return errors.New("it is the old one")
			}
			return nil
		})
	}
	waitReady(t, cr)
	requireEqual(t, sample(t, "planes"), download(t, cr, "planes"))
}

func TestAlteredChildrenAreMended(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	create(t, cr)
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: cr.Name}}
	change(t, service, func(s *corev1.Service) { s.Spec.Selector["flight-operator.io/cluster"] = "nobody" })
	eventually(t, "the Service selects the cluster's pods again", func() error {
		get(t, service)
		if got := service.Spec.Selector["flight-operator.io/cluster"]; got != cr.Name {
			return errors.New("it selects " + got)
		}
		return nil
	})
}
