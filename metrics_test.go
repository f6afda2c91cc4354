package main

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
)

// expectMetrics scrapes as nobody, as a pod without the chart's role and as one
// with it, and takes no certificate but one of the authority.
func expectMetrics(t *testing.T, address string, authority *tlstest.CA) {
	t.Helper()
	namespace := api.Namespace(t)
	prometheus := token(t, namespace, "prometheus")
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "flights-flight-operator-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: "prometheus"}},
	}
	if err := api.Client.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		token string
		want  int
	}{
		"nobody":     {want: http.StatusUnauthorized},
		"stranger":   {token: token(t, namespace, "stranger"), want: http.StatusForbidden},
		"prometheus": {token: prometheus, want: http.StatusOK},
	} {
		gomega.NewWithT(t).Eventually(func() int {
			return scrape(t, authority.Client(t, nil), address, tc.token)
		}, wait, often).Should(gomega.Equal(tc.want), name)
	}
}

// writePair puts a certificate and its key where --metrics-cert-dir says.
func writePair(t *testing.T, dir string, pair tlstest.Pair) {
	t.Helper()
	for name, text := range map[string][]byte{corev1.TLSCertKey: pair.Cert, corev1.TLSPrivateKeyKey: pair.Key} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMetricsCertificateMustBeThere(t *testing.T) {
	dir := t.TempDir()
	if err := checkMetricsCert(dir); err == nil || !strings.Contains(err.Error(), "--metrics-cert-dir") {
		t.Errorf("an empty folder: %v, want an error that names the flag", err)
	}
	writePair(t, dir, tlstest.NewCA(t).Issue(t, "metrics"))
	if err := checkMetricsCert(dir); err != nil {
		t.Error(err)
	}
}

func TestMetricsRefuseWeakTLS(t *testing.T) {
	authority := tlstest.NewCA(t)
	o := &options{metricsAddress: freeAddress(t), metricsCertDir: t.TempDir()}
	writePair(t, o.metricsCertDir, authority.Issue(t, "metrics"))
	server, err := metricsserver.NewServer(managerOptions(o).Metrics, api.Config, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	gomega.NewWithT(t).Eventually(func() int {
		return scrape(t, authority.Client(t, nil), o.metricsAddress, "")
	}, wait, often).Should(gomega.Equal(http.StatusUnauthorized))
	tlstest.ExpectStrong(t, o.metricsAddress, authority.Client(t, nil))
}

// token makes a ServiceAccount and a token of it.
func token(t *testing.T, namespace, name string) string {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := api.Client.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	request := &authenticationv1.TokenRequest{}
	if err := api.Client.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// scrape gives the status of an answer; 0: there was none.
func scrape(t *testing.T, config *tls.Config, address, token string) int {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := transport.RoundTrip(req)
	if err != nil {
		t.Log(err)
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}
