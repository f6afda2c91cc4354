package tokenreview_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/tokenreview"
	"github.com/flight-operator/flight-operator/test/env"
)

const audience = "flight.test"

// api is the API server of this package's tests.
var api *env.Environment

func TestMain(m *testing.M) { os.Exit(env.Run(m, &api)) }

// account makes a ServiceAccount.
func account(t *testing.T, namespace, name string) *corev1.ServiceAccount {
	t.Helper()
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := api.Client.Create(t.Context(), sa); err != nil {
		t.Fatal(err)
	}
	return sa
}

// token asks the API server for one.
func token(t *testing.T, sa *corev1.ServiceAccount, audiences ...string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}
	if err := api.Client.SubResource("token").Create(t.Context(), sa, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// reviewer is a ServiceAccount of servers, with the right to review tokens if it
// is allowed to.
func reviewer(t *testing.T, namespace string, allowed bool) *tokenreview.Client {
	t.Helper()
	sa := account(t, namespace, "flightserver")
	if allowed {
		role := &rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: namespace},
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{authenticationv1.GroupName}, Resources: []string{"tokenreviews"}, Verbs: []string{"create"}}},
		}
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: namespace},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: sa.Name}},
		}
		for _, object := range []client.Object{role, binding} {
			if err := api.Client.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
		}
	}
	config := rest.AnonymousClientConfig(api.Config)
	config.BearerToken = token(t, sa)
	return tokenreview.New(func() (*rest.Config, error) { return config, nil })
}

func TestReview(t *testing.T) {
	namespace := api.Namespace(t)
	report := account(t, namespace, "report")
	c := reviewer(t, namespace, true)
	good := token(t, report, audience)
	name := "system:serviceaccount:" + namespace + ":report"
	for name, tc := range map[string]struct {
		token string
		want  auth.Review
	}{
		"Good":          {good, auth.Review{Authenticated: true, Username: name, Audiences: []string{audience}}},
		"SeveralUses":   {token(t, report, "other", audience), auth.Review{Authenticated: true, Username: name, Audiences: []string{audience}}},
		"OtherAudience": {token(t, report, "other"), auth.Review{}},
		"ForTheServer":  {token(t, report), auth.Review{}},
		"Altered":       {good[:len(good)-8] + "AAAAAAAA", auth.Review{}},
		"Nonsense":      {"x", auth.Review{}},
	} {
		got, err := c.Review(t.Context(), tc.token, audience)
		if err != nil || got.Authenticated != tc.want.Authenticated || got.Username != tc.want.Username || !slices.Equal(got.Audiences, tc.want.Audiences) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, tc.want)
		}
	}
}

// There is no answer, and the reason is told without the token.
func TestNoReview(t *testing.T) {
	namespace := api.Namespace(t)
	good := token(t, account(t, namespace, "report"), audience)
	gone := rest.AnonymousClientConfig(api.Config)
	gone.Host = "https://127.0.0.1:1"
	ended, end := context.WithCancel(t.Context())
	end()
	for name, tc := range map[string]struct {
		ctx    context.Context //nolint:containedctx // of the review
		client *tokenreview.Client
		why    string
	}{
		"NoRight":      {t.Context(), reviewer(t, namespace, false), "cannot create resource"},
		"Away":         {t.Context(), tokenreview.New(func() (*rest.Config, error) { return gone, nil }), "connection refused"},
		"NoKubernetes": {t.Context(), tokenreview.New(func() (*rest.Config, error) { return nil, rest.ErrNotInCluster }), "finding the API server"},
		"Ended":        {ended, tokenreview.New(func() (*rest.Config, error) { return api.Config, nil }), "context canceled"},
	} {
		_, err := tc.client.Review(tc.ctx, good, audience)
		if err == nil || !strings.Contains(err.Error(), tc.why) || strings.Contains(err.Error(), good) {
			t.Errorf("%s: %v, want %q", name, err, tc.why)
		}
	}
}

// A ServiceAccount calls as long as Kubernetes has it.
func TestServiceAccountsAreKnown(t *testing.T) {
	namespace := api.Namespace(t)
	report, other := account(t, namespace, "report"), account(t, namespace, "other")
	dir := t.TempDir()
	file := filepath.Join(dir, "auth.yaml")
	content, err := (&settings.Credentials{ServiceAccounts: &settings.ServiceAccounts{
		Audience: audience,
		Bindings: []settings.ServiceAccountBinding{{Namespace: namespace, Name: "report", Role: settings.RoleReader}},
	}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := auth.OpenKeys(filepath.Join(dir, "keys"), true, clock.RealClock{})
	if err != nil {
		t.Fatal(err)
	}
	reviewer := reviewer(t, namespace, true)
	a, err := auth.Open(auth.Options{
		File: file, Keys: keys, Reviewer: reviewer, Clock: clock.RealClock{},
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	call := func(text string) (auth.Identity, error) {
		id, _, err := a.Authenticate(t.Context(), auth.Evidence{Header: "Bearer " + text})
		return id, err
	}
	id, err := call(token(t, report, audience))
	if err != nil || id.Name != namespace+"/report" || id.Role != settings.RoleReader || id.Version == "" || time.Until(id.Expires) > time.Hour {
		t.Errorf("identity %+v, %v", id, err)
	}
	unused := token(t, report, audience)
	for name, tc := range map[string]struct {
		token string
		want  error
	}{
		"OtherAudience": {token(t, report, "vault"), auth.ErrInvalidToken},
		"Unbound":       {token(t, other, audience), auth.ErrForbidden},
	} {
		if _, err := call(tc.token); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if err := api.Client.Delete(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	// The API server has a memory of its own, of some seconds.
	gomega.NewWithT(t).Eventually(func() (bool, error) {
		answer, err := reviewer.Review(t.Context(), unused, audience)
		return answer.Authenticated, err
	}, time.Minute).Should(gomega.BeFalse())
	if _, err := call(unused); !errors.Is(err, auth.ErrInvalidToken) {
		t.Errorf("after the ServiceAccount's end: %v", err)
	}
}
