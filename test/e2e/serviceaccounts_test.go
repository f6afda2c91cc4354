//go:build e2e

package e2e

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

func TestServiceAccounts(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	kubectl(t, namespace, "apply", "-f", "config/samples/serviceaccounts")
	cr := &v1alpha1.FlightCluster{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "flights"}}
	change(t, cr, func(cr *v1alpha1.FlightCluster) { cr.Spec.Auth.ServiceAccounts.Bindings[0].Namespace = namespace })
	waitReady(t, cr)
	planes := sample(t, "planes")
	if err := connectAs(t, cr, "etl").Put(t.Context(), planes, "planes"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"report", "other"} {
		kubectl(t, namespace, "create", "serviceaccount", name)
	}
	audience := "flights." + namespace + ".svc"
	tokenFor := func(account string, flags ...string) string {
		return strings.TrimSpace(kubectl(t, namespace, append([]string{"create", "token", account}, flags...)...))
	}

	report := connectWith(t, cr, tokenFor("report", "--audience", audience))
	got, err := report.Get(t.Context(), "planes")
	if err != nil {
		t.Fatal(err)
	}
	requireEqual(t, planes, got)
	refuse(t, report.Put(t.Context(), planes, "planes"), codes.PermissionDenied)
	for name, tc := range map[string]struct {
		token string
		want  codes.Code
	}{
		"other audience":     {tokenFor("report", "--audience", "vault"), codes.Unauthenticated},
		"for the API server": {tokenFor("report"), codes.Unauthenticated},
		"without a role":     {tokenFor("other", "--audience", audience), codes.PermissionDenied},
	} {
		t.Log(name)
		_, err := connectWith(t, cr, tc.token).Get(t.Context(), "planes")
		refuse(t, err, tc.want)
	}

	kubectl(t, namespace, "delete", "serviceaccount", "report")
	eventually(t, "a deleted ServiceAccount is refused", func() error {
		if _, err = report.Get(t.Context(), "planes"); err == nil {
			return errors.New("it still reads")
		}
		return nil
	})
	refuse(t, err, codes.Unauthenticated)
}
