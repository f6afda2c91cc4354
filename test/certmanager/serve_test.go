package certmanager

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	webhooktest "github.com/cert-manager/cert-manager/test/webhook"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

var (
	server = flag.String("server", "", "the URL of the API server, where that is not KUBECONFIG's")
	crds   = flag.String("crds", "", "the folder of cert-manager's CRDs")
)

// TestServe serves the cluster of KUBECONFIG until SIGTERM. The API server reaches the webhook at the
// loopback address: both run in one network.
func TestServe(t *testing.T) {
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	file, config := connection(t)
	if _, err := envtest.InstallCRDs(config, envtest.CRDInstallOptions{Paths: []string{*crds}}); err != nil {
		t.Fatal(err)
	}
	webhook, stopWebhook := webhooktest.StartWebhookServer(t, []string{"--kubeconfig", file})
	defer stopWebhook()
	register(t, config, webhook)
	fmt.Println("cert-manager is ready")
	if err := runControllers(ctx, file); err != nil && ctx.Err() == nil {
		t.Error(err)
	}
	unregister(context.WithoutCancel(ctx), t, config)
}

// connection gives a kubeconfig that names the server, and what stands in it.
func connection(t *testing.T) (file string, config *rest.Config) {
	t.Helper()
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: os.Getenv("KUBECONFIG")}
	loaded := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil)
	raw, err := loaded.RawConfig()
	if err != nil {
		t.Fatal(err)
	}
	if *server != "" {
		for _, cluster := range raw.Clusters {
			cluster.Server = *server
		}
	}
	file = filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(raw, file); err != nil {
		t.Fatal(err)
	}
	config, err = clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		t.Fatal(err)
	}
	return file, config
}
