package resource_test

import (
	"bytes"
	"flag"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
)

var update = flag.Bool("update", false, "write the golden files anew")

// api is the API server of this package's tests.
var api *env.Environment

func TestMain(m *testing.M) { os.Exit(env.Run(m, &api)) }

// clusters are the specs that have a golden file: testdata/<name>.yaml.
var clusters = map[string]v1alpha1.FlightClusterSpec{
	"default": {Storage: v1alpha1.StorageSpec{Size: apiresource.MustParse("10Gi")}},
	"plaintext": {
		Storage: v1alpha1.StorageSpec{Size: apiresource.MustParse("10Gi")},
		TLS:     &v1alpha1.TLSSpec{Provider: v1alpha1.TLSDisabled},
		Auth: &v1alpha1.AuthSpec{
			AllowPlaintext: true,
			Tokens:         []v1alpha1.TokenSpec{{Name: "etl", Role: "Writer"}},
		},
		NetworkPolicy: &v1alpha1.NetworkPolicySpec{Mode: v1alpha1.NetworkPolicyNone},
	},
	"certmanager": {
		Storage: v1alpha1.StorageSpec{Size: apiresource.MustParse("10Gi")},
		TLS: &v1alpha1.TLSSpec{
			Provider:    v1alpha1.TLSCertManager,
			CertManager: &v1alpha1.CertManagerSpec{IssuerRef: v1alpha1.IssuerReference{Name: "corp", Kind: "ClusterIssuer"}},
		},
	},
	"everything": {
		Replicas:       new(int32(0)),
		Image:          "registry.example/flightserver:2.0.0",
		DeletionPolicy: v1alpha1.DeletionDelete,
		Storage:        v1alpha1.StorageSpec{Size: apiresource.MustParse("1Ti"), StorageClassName: new("fast")},
		Resources: v1alpha1.ResourcesSpec{
			Requests: corev1.ResourceList{corev1.ResourceCPU: apiresource.MustParse("500m"), corev1.ResourceMemory: apiresource.MustParse("1Gi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: apiresource.MustParse("2Gi")},
		},
		TLS: &v1alpha1.TLSSpec{
			Provider:         v1alpha1.TLSOperator,
			ClientAuth:       v1alpha1.ClientAuthOptional,
			ClientCAs:        &v1alpha1.CASource{ConfigMap: "roots"},
			MaxConnectionAge: &metav1.Duration{Duration: 10 * time.Minute},
		},
		Auth: &v1alpha1.AuthSpec{
			Anonymous: "Reader",
			Tokens: []v1alpha1.TokenSpec{
				{Name: "etl", Role: "Writer"},
				{Name: "bi", Role: "Reader", SecretName: "bi-access"},
			},
			ServiceAccounts: &v1alpha1.ServiceAccountsSpec{
				Bindings: []v1alpha1.ServiceAccountBinding{{Namespace: "bi", Name: "report", Role: "Reader"}},
			},
		},
		NetworkPolicy: &v1alpha1.NetworkPolicySpec{ClientsFrom: []networkingv1.NetworkPolicyPeer{
			{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "etl"}}},
			{
				NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
					{Key: "team", Operator: metav1.LabelSelectorOpIn, Values: []string{"bi", "ml"}},
				}},
				PodSelector: &metav1.LabelSelector{},
			},
			{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.9.0.0/16"}}},
		}},
	},
}

func desired(t *testing.T, spec v1alpha1.FlightClusterSpec, namespace string) *resource.Desired {
	t.Helper()
	cr := &v1alpha1.FlightCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "prod", Namespace: namespace, UID: "6c3d9a55-5a1c-4bb5-92a6-7d0c0f1f3d11"},
		Spec:       spec,
	}
	text, err := resource.Settings(cr).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	d := &resource.Desired{
		Cluster:     cr,
		Image:       "registry.example/flightserver:1.0.0",
		ClaimSize:   spec.Storage.Size,
		Authority:   map[string][]byte{"tls.crt": []byte("authority certificate"), "tls.key": []byte("authority key")},
		AdminTrust:  []byte("authority certificate"),
		Trust:       []byte("roots for clients"),
		Shown:       resource.KeyPair{Certificate: []byte("certificate for clients"), Key: []byte("key for clients")},
		Server:      resource.KeyPair{Certificate: []byte("server certificate"), Key: []byte("server key")},
		Operator:    resource.KeyPair{Certificate: []byte("operator certificate"), Key: []byte("operator key")},
		Settings:    text,
		Credentials: []byte("credentials"),
		Record:      []byte("record"),
		OperatorPods: resource.Pods{Namespace: "flight-operator-system", Labels: map[string]string{
			"app.kubernetes.io/name": "flight-operator", "app.kubernetes.io/instance": "flights",
		}},
		SigningKeys: map[string][]byte{settings.SigningKeysFile: []byte("signing keys")},
	}
	if resource.ClientAuth(cr) != v1alpha1.ClientAuthNone {
		d.ClientCAs = []byte("roots of clients")
	}
	if spec.TLS != nil && spec.TLS.Provider == v1alpha1.TLSCertManager {
		d.Issue = &resource.CertificateRequest{
			DNSNames: []string{"prod.flights.svc"}, Addresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			Duration: 168 * time.Hour, RenewBefore: 56 * time.Hour,
		}
	}
	if spec.Auth != nil {
		for _, token := range spec.Auth.Tokens {
			d.Tokens = append(d.Tokens, resource.Token{TokenSpec: token, Text: "token of " + token.Name})
		}
	}
	return d
}

func TestObjectsGolden(t *testing.T) {
	for name, spec := range clusters {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			for _, object := range resource.Objects(desired(t, spec, "flights")) {
				text, err := yaml.Marshal(object)
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString("---\n")
				got.Write(text)
			}
			file := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v; run with -update to make it", err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s differs (-want +got); look at the change and run with -update:\n%s", file, diff)
			}
		})
	}
}

func TestObjectsAreAccepted(t *testing.T) {
	api.InstallCertManager(t)
	for name, spec := range clusters {
		t.Run(name, func(t *testing.T) {
			for _, object := range resource.Objects(desired(t, spec, api.Namespace(t))) {
				if err := api.Client.Apply(t.Context(), object, client.FieldOwner("test"), client.DryRunAll); err != nil {
					t.Errorf("the API server refuses %T: %v", object, err)
				}
			}
		})
	}
}

// A namespace that enforces the restricted Pod Security Standard admits the
// servers' pods.
func TestPodsAreRestricted(t *testing.T) {
	namespace := api.Namespace(t)
	ns := &corev1.Namespace{}
	if err := api.Client.Get(t.Context(), client.ObjectKey{Name: namespace}, ns); err != nil {
		t.Fatal(err)
	}
	ns.Labels["pod-security.kubernetes.io/enforce"] = "restricted"
	if err := api.Client.Update(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	for name, spec := range clusters {
		t.Run(name, func(t *testing.T) {
			text, err := yaml.Marshal(resource.StatefulSet(desired(t, spec, namespace)).Spec.Template)
			if err != nil {
				t.Fatal(err)
			}
			pod := &corev1.Pod{}
			if err := yaml.Unmarshal(text, pod); err != nil {
				t.Fatal(err)
			}
			pod.Name, pod.Namespace = "prod-0", namespace
			pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data-prod-0"},
			}})
			if err := api.Client.Create(t.Context(), pod, client.DryRunAll); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSettingsAreValid(t *testing.T) {
	for name, spec := range clusters {
		t.Run(name, func(t *testing.T) {
			parsed, err := settings.Parse(desired(t, spec, "flights").Settings)
			if err != nil {
				t.Fatal(err)
			}
			if err := parsed.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}
