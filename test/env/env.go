// Package env starts what the operator's tests need around them: an API server
// with the project's CRDs, and stand-ins for the kubelet and the Flight server,
// which no API server brings along.
package env

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// Environment is an API server of its own.
type Environment struct {
	Config *rest.Config
	Client client.WithWatch // reads and writes past any cache

	server   *envtest.Environment
	role     *rbacv1.ClusterRole // of the operator
	operator client.WithWatch    // who has it where Operator bound it
}

// Run starts an Environment, stores it where the tests find it, runs them and
// stops it. It is all that a TestMain has to do.
func Run(m *testing.M, e **Environment) int {
	started, err := Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "env:", err)
		return 1
	}
	*e = started
	code := m.Run()
	if err := started.server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "env: stopping the API server:", err)
		return 1
	}
	return code
}

// Start starts etcd and kube-apiserver and installs the CRDs.
func Start() (*Environment, error) {
	assets, err := binaries()
	if err != nil {
		return nil, err
	}
	server := &envtest.Environment{
		BinaryAssetsDirectory: assets,
		CRDDirectoryPaths:     []string{filepath.Join(root(), "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
	}
	// Some clusters let nobody block the deletion of an owner without a right to
	// it, such as OpenShift.
	server.ControlPlane.GetAPIServer().Configure().Append("enable-admission-plugins", "OwnerReferencesPermissionEnforcement")
	config, err := server.Start()
	if err != nil {
		return nil, fmt.Errorf("starting the API server from %s (unset KUBEBUILDER_ASSETS to have one built): %w", assets, err)
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: Scheme()})
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	e := &Environment{Config: config, Client: c, server: server}
	if err := e.storeRole(); err != nil {
		return nil, errors.Join(fmt.Errorf("storing the operator's role: %w", err), server.Stop())
	}
	return e, nil
}

// Scheme knows the kinds of Kubernetes and of this project.
func Scheme() *apiruntime.Scheme {
	scheme := apiruntime.NewScheme()
	for _, add := range []func(*apiruntime.Scheme) error{clientgoscheme.AddToScheme, cmv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err) // the same for every caller, so the first test shows it
		}
	}
	return scheme
}

// Namespace makes a namespace for one test. It is not deleted: no controller
// would empty it, and the API server goes with the tests.
func (e *Environment) Namespace(t *testing.T) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := e.Client.Create(t.Context(), ns); err != nil {
		t.Fatalf("making a namespace: %v", err)
	}
	return ns.Name
}

// binaries finds the folder of etcd and kube-apiserver. Tests without them fail
// rather than be skipped: nobody notices a skipped test.
func binaries() (string, error) {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		return dir, nil
	}
	script := filepath.Join(root(), "hack", "localcluster", "binaries.sh")
	cmd := exec.Command(script, "envtest")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("these tests need etcd and kube-apiserver: set KUBEBUILDER_ASSETS to the folder that has them, "+
			"or mend what `%s envtest`, which builds them, said: %w", script, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// root is the repository's: a test runs in the folder of its package.
func root() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err) // the folder was removed under the test
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}
