package env

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/issuer"
)

// InstallCertManager makes the API server know Certificates.
func (e *Environment) InstallCertManager(t *testing.T) {
	t.Helper()
	if _, err := envtest.InstallCRDs(e.Config, certificateCRD(t)); err != nil {
		t.Fatal(err)
	}
}

// UninstallCertManager undoes that, and removes every Certificate.
func (e *Environment) UninstallCertManager(t *testing.T) {
	t.Helper()
	if err := envtest.UninstallCRDs(e.Config, certificateCRD(t)); err != nil {
		t.Fatal(err)
	}
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		err := e.Client.List(ctx, &cmv1.CertificateList{})
		return apierrors.IsNotFound(err) || meta.IsNoMatchError(err), nil
	})
	if err != nil {
		t.Fatalf("waiting until nobody knows Certificates: %v", err)
	}
}

func certificateCRD(t *testing.T) envtest.CRDInstallOptions {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager").Output()
	if err != nil {
		t.Fatalf("finding the module of cert-manager: %v", err)
	}
	return envtest.CRDInstallOptions{
		Paths:              []string{filepath.Join(strings.TrimSpace(string(dir)), "deploy", "crds", "cert-manager.io_certificates.yaml")},
		ErrorIfPathMissing: true,
	}
}

// Issue signs what the cluster asks cert-manager for, and writes its Secret as
// cert-manager does.
func (c *Cluster) Issue(i *issuer.Issuer) {
	c.t.Helper()
	certificate := &cmv1.Certificate{}
	c.Get(c.Key.Name+"-issued-tls", certificate)
	spec, now := certificate.Spec, c.Clock.Now()
	var addresses []net.IP
	for _, address := range spec.IPAddresses {
		addresses = append(addresses, net.ParseIP(address))
	}
	cert, key := i.Sign(c.t, spec.CommonName, spec.DNSNames, addresses, now, now.Add(spec.Duration.Duration))
	secret := corev1ac.Secret(spec.SecretName, c.Key.Namespace).
		WithLabels(spec.SecretTemplate.Labels).
		WithAnnotations(map[string]string{cmv1.CertificateNameKey: certificate.Name}).
		WithType(corev1.SecretTypeTLS).
		WithData(map[string][]byte{settings.TLSCertFile: cert, settings.TLSKeyFile: key, settings.CAFile: i.Root})
	if err := c.api.Apply(c.t.Context(), secret, client.FieldOwner("cert-manager-certificates-issuing"), client.ForceOwnership); err != nil {
		c.t.Fatal(err)
	}
}
