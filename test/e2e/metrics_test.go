//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// operatorMetricsPort is the chart's.
const operatorMetricsPort = 8443

func TestMetricsAreForThoseWhoMayReadThem(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	stranger, prometheus := serviceAccountToken(t, namespace, "stranger"), serviceAccountToken(t, namespace, "prometheus")
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: release + "-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: "prometheus"}},
	}
	if err := api.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := api.Delete(context.Background(), binding); err != nil {
			t.Error(err)
		}
	})

	address := forward(t, operatorNamespace, release+"-metrics", operatorMetricsPort)
	for name, tc := range map[string]struct {
		token  string
		status int
		text   string
	}{
		"nobody":     {status: http.StatusUnauthorized},
		"stranger":   {token: stranger, status: http.StatusForbidden},
		"prometheus": {token: prometheus, status: http.StatusOK, text: "controller_runtime_reconcile_total"},
	} {
		eventually(t, "the answer to "+name, func() error {
			status, text, err := scrape(t, address, tc.token)
			if err == nil && (status != tc.status || !strings.Contains(text, tc.text)) {
				err = fmt.Errorf("got %d, want %d with %q", status, tc.status, tc.text)
			}
			return err
		})
	}
}

// serviceAccountToken makes a ServiceAccount and a token of it.
func serviceAccountToken(t *testing.T, namespace, name string) string {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := api.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	request := &authenticationv1.TokenRequest{}
	if err := api.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

func scrape(t *testing.T, address, token string) (status int, text string, err error) {
	t.Helper()
	// The chart's own certificate vouches for itself.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/metrics", http.NoBody)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := transport.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body), err
}
