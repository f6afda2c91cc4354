//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// What hack/e2e.sh tells by the environment.
var (
	operatorNamespace = os.Getenv("E2E_OPERATOR_NAMESPACE")
	release           = os.Getenv("E2E_RELEASE")
	imageTag          = os.Getenv("E2E_IMAGE_TAG")  // of the images that are installed
	nextImage         = os.Getenv("E2E_NEXT_IMAGE") // the server's image under another name
	helm              = os.Getenv("E2E_HELM")       // the program
	kubectlFlight     = os.Getenv("E2E_FLIGHT")     // the program
	logFolder         = os.Getenv("E2E_LOGS")       // where a failed test leaves what its pods said
	repository        = filepath.Join("..", "..")   // tests run in their own folder
	api               client.WithWatch              // of the cluster, past any cache
)

func TestMain(m *testing.M) {
	if err := connect(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func connect() error {
	if operatorNamespace == "" {
		return fmt.Errorf("run `make test-e2e`: it installs what these tests need")
	}
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	kubeconfig, err := config.GetConfig()
	if err != nil {
		return err
	}
	kubeconfig.QPS = -1 // polling tests would wait for the client's own limit
	api, err = client.NewWithWatch(kubeconfig, client.Options{Scheme: scheme})
	return err
}
