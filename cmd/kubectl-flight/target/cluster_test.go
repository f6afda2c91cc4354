package target

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// certificate is an authority that nobody has the key of.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIBATAKBggqhkjOPQQDAjAQMQ4wDAYDVQQDEwVmbGlnaHQw
-----END CERTIFICATE-----
`

func cluster(name string, tokens ...v1alpha1.TokenSpec) *v1alpha1.FlightCluster {
	return &v1alpha1.FlightCluster{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns"},
		Spec: v1alpha1.FlightClusterSpec{
			TLS:  &v1alpha1.TLSSpec{Provider: v1alpha1.TLSDisabled},
			Auth: &v1alpha1.AuthSpec{Tokens: tokens},
		},
		Status: v1alpha1.FlightClusterStatus{Selector: "cluster=" + name},
	}
}

func secret(name, token string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns"},
		Data:       map[string][]byte{tokenKey: []byte(token)},
	}
}

func pod(name string, ready corev1.ConditionStatus) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", Labels: map[string]string{"cluster": "prod"}},
		Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
	}
}

// kubernetes has the objects, and Secrets that may not be read.
func kubernetes(t *testing.T, forbidden string, objects ...client.Object) *Kubernetes {
	t.Helper()
	scheme, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if key.Name == forbidden {
				return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, key.Name, nil)
			}
			return c.Get(ctx, key, o, opts...)
		},
	}).Build()
	return &Kubernetes{Reader: c, Namespace: "ns"}
}

func TestClusterToken(t *testing.T) {
	reader := v1alpha1.TokenSpec{Name: "see", Role: "Reader"}
	writer := v1alpha1.TokenSpec{Name: "etl", Role: "Writer", SecretName: "etl-secret"}
	admin := v1alpha1.TokenSpec{Name: "root", Role: "Admin"}
	secrets := []client.Object{secret("prod-token-see", "reader"), secret("etl-secret", "writer"), secret("prod-token-root", "admin")}
	tests := map[string]struct {
		reason    string
		tokens    []v1alpha1.TokenSpec
		anonymous v1alpha1.AnonymousRole
		forbidden string
		name      string
		need      Role
		want      string // the token, or what the error says
		fails     bool
	}{
		"Mightiest":      {"it may do all that can be asked", []v1alpha1.TokenSpec{reader, writer, admin}, "", "", "", settings.RoleReader, "admin", false},
		"Forbidden":      {"the next one then", []v1alpha1.TokenSpec{reader, writer, admin}, "", "prod-token-root", "", settings.RoleReader, "writer", false},
		"Named":          {"the user chose", []v1alpha1.TokenSpec{reader, writer, admin}, "", "", "see", settings.RoleReader, "reader", false},
		"SecretName":     {"the spec names the Secret", []v1alpha1.TokenSpec{reader, writer}, "", "", "", settings.RoleWriter, "writer", false},
		"Anonymous":      {"nobody is asked", nil, "Writer", "", "", settings.RoleWriter, "", false},
		"AnonymousReads": {"but writing needs a token", nil, "Reader", "", "", settings.RoleWriter, "no token that may do this: add one with role Writer", true},
		"TooWeak":        {"a reader cannot write", []v1alpha1.TokenSpec{reader}, "None", "", "", settings.RoleWriter, "add one with role Writer", true},
		"AllForbidden":   {"the reason is told", []v1alpha1.TokenSpec{admin}, "", "prod-token-root", "", settings.RoleReader, "forbidden", true},
		"UnknownName":    {"the names are told", []v1alpha1.TokenSpec{reader, admin}, "", "", "nobody", settings.RoleReader, `no token "nobody"; it has: see, root`, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			cr := cluster("prod", tc.tokens...)
			cr.Spec.Auth.Anonymous = tc.anonymous
			got, err := kubernetes(t, tc.forbidden, secrets...).clusterToken(t.Context(), cr, tc.name, tc.need)
			switch {
			case tc.fails && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("%s: got %v, want %q", tc.reason, err, tc.want)
			case !tc.fails && (err != nil || got.token != tc.want):
				t.Errorf("%s: got %q, %v, want %q", tc.reason, got.token, err, tc.want)
			}
		})
	}
}

func TestFlightCluster(t *testing.T) {
	tests := map[string]struct {
		reason  string
		objects []client.Object
		name    string
		want    string // the cluster, or what the error says
		fails   bool
	}{
		"Named":    {"the user chose", []client.Object{cluster("prod"), cluster("test")}, "test", "test", false},
		"Only":     {"no choice", []client.Object{cluster("prod")}, "", "prod", false},
		"Several":  {"the user must choose", []client.Object{cluster("prod"), cluster("test")}, "", "--cluster prod|test", true},
		"None":     {"look elsewhere", nil, "", "namespace ns has no FlightCluster", true},
		"NotFound": {"look elsewhere", []client.Object{cluster("prod")}, "other", `"other" not found in namespace ns`, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := kubernetes(t, "", tc.objects...).FlightCluster(t.Context(), tc.name)
			switch {
			case tc.fails && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("%s: got %v, want %q", tc.reason, err, tc.want)
			case !tc.fails && (err != nil || got.Name != tc.want):
				t.Errorf("%s: got %v, %v", tc.reason, got, err)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	plain := cluster("prod", v1alpha1.TokenSpec{Name: "etl", Role: "Writer"})
	secured := plain.DeepCopy()
	secured.Spec.TLS = nil // the operator's own authority
	token := secret("prod-token-etl", "t")
	tokenWithCA := secret("prod-token-etl", "t")
	tokenWithCA.Data[settings.CAFile] = []byte(realCertificate(t))
	bundle := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "prod-ca-bundle", Namespace: "ns"},
		Data:       map[string]string{settings.CAFile: realCertificate(t)},
	}
	broken := bundle.DeepCopy()
	broken.Data[settings.CAFile] = certificate
	tests := map[string]struct {
		reason  string
		cr      *v1alpha1.FlightCluster
		objects []client.Object
		given   string
		want    string // the URI, or what the error says
		fails   bool
	}{
		"Plaintext":    {"no authority is needed", plain, []client.Object{token}, "", "grpc://prod.ns.svc:8815", false},
		"FromBundle":   {"roots for everybody", secured, []client.Object{token, bundle}, "", "grpc+tls://prod.ns.svc:8815", false},
		"FromSecret":   {"who may read only that needs no more", secured, []client.Object{tokenWithCA}, "", "grpc+tls://prod.ns.svc:8815", false},
		"TokenGiven":   {"no Secret is read", secured, []client.Object{bundle}, "mine", "grpc+tls://prod.ns.svc:8815", false},
		"NoBundle":     {"not issued yet", secured, []client.Object{token}, "", `the authority of FlightCluster "prod"`, true},
		"BrokenBundle": {"what is no certificate is not trusted", secured, []client.Object{token, broken}, "", "no certificate in PEM form", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := kubernetes(t, "", tc.objects...).describe(t.Context(), tc.cr, tc.given, "", settings.RoleWriter)
			if tc.fails {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%s: got %v, want %q", tc.reason, err, tc.want)
				}
				return
			}
			if err != nil || got.uri != tc.want || got.follow || tc.given != "" && got.token != tc.given {
				t.Fatalf("%s: got %+v, %v", tc.reason, got, err)
			}
			if got.tls != nil && (got.tls.ServerName != "prod.ns.svc" || got.tls.RootCAs == nil) {
				t.Errorf("%s: the server is not held to its name and authority: %+v", tc.reason, got.tls)
			}
		})
	}
}

func TestReadyPod(t *testing.T) {
	now := metav1.Now()
	stopping := pod("prod-0", corev1.ConditionTrue)
	stopping.DeletionTimestamp = &now
	stopping.Finalizers = []string{"test/keep"}
	other := pod("other-0", corev1.ConditionTrue)
	other.Labels = nil
	k := kubernetes(t, "", stopping, pod("prod-1", corev1.ConditionFalse), pod("prod-2", corev1.ConditionTrue), other)
	if got, err := k.readyPod(t.Context(), cluster("prod")); err != nil || got != "prod-2" {
		t.Errorf("got %q, %v", got, err)
	}
	k = kubernetes(t, "", pod("prod-1", corev1.ConditionFalse), other)
	if _, err := k.readyPod(t.Context(), cluster("prod")); err == nil || !strings.Contains(err.Error(), "has no ready pod") {
		t.Errorf("got %v", err)
	}
	unborn := cluster("prod")
	unborn.Status.Selector = ""
	if _, err := k.readyPod(t.Context(), unborn); err == nil || !strings.Contains(err.Error(), "has no pods yet") {
		t.Errorf("got %v", err)
	}
}

func TestDatasetName(t *testing.T) {
	d := &v1alpha1.FlightDataset{ObjectMeta: metav1.ObjectMeta{Name: "trips"}}
	if got := DatasetName(d); got != "trips" {
		t.Errorf("got %q", got)
	}
	d.Spec.Path = []string{"nyc", "trips"}
	if got := DatasetName(d); got != "nyc/trips" {
		t.Errorf("got %q", got)
	}
}
