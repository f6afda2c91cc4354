// flight-operator runs Arrow Flight servers on Kubernetes: it makes each
// FlightCluster a StatefulSet with certificates and tokens, and declares each
// FlightDataset on its servers.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubeconfigs of cloud clusters name these
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// leaderElectionID names the Lease that the replicas of one operator share.
const leaderElectionID = "flight-operator.flight-operator.io"

const long = `flight-operator makes each FlightCluster a StatefulSet of Flight servers with
volumes, certificates and tokens, and declares each FlightDataset on its servers.
It finds the API server through the pod's ServiceAccount, or through KUBECONFIG.`

type options struct {
	serverImage     string
	watchNamespaces []string
	operatorPods    resource.Pods
	reviewers       string
	metricsAddress  string
	metricsCertDir  string
	probeAddress    string
	leaderElect     bool
	logLevel        slog.Level
}

func main() {
	if err := command().ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		fmt.Fprintln(os.Stderr, "flight-operator:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:           "flight-operator",
		Short:         "Runs Arrow Flight servers on Kubernetes",
		Long:          long,
		Args:          cobra.NoArgs,
		Version:       settings.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.serverImage, "server-image", "", "image of the Flight server for clusters that name none (spec.image)")
	f.StringSliceVar(&o.watchNamespaces, "watch-namespaces", nil, "namespaces to work in, separated by commas (default all)")
	f.StringVar(&o.operatorPods.Namespace, "operator-namespace", "",
		"namespace of the operator's own pods; NetworkPolicies let only these in to the servers' admin ports (default anybody, who then meets mutual TLS)")
	f.StringToStringVar(&o.operatorPods.Labels, "operator-labels", map[string]string{"app.kubernetes.io/name": "flight-operator"},
		"labels of the operator's own pods in --operator-namespace")
	f.StringVar(&o.reviewers, "token-reviewers", "flight-operator-tokenreviewers",
		"ClusterRoleBinding whose subjects are the servers that review tokens of ServiceAccounts")
	f.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443",
		"where Prometheus metrics are served over HTTPS to those whom the API server permits; 0 for nowhere")
	f.StringVar(&o.metricsCertDir, "metrics-cert-dir", "",
		"folder with tls.crt and tls.key of the metrics endpoint, followed when they change (default a self-signed pair, made at each start)")
	f.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "where /healthz and /readyz are served; 0 for nowhere")
	f.BoolVar(&o.leaderElect, "leader-elect", false, "let one of several replicas work at a time")
	f.TextVar(&o.logLevel, "log-level", slog.LevelInfo, "the least important messages to log: debug, info, warn or error")
	return cmd
}

func run(ctx context.Context, o *options) error {
	handler := slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: o.logLevel})
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	klog.SetLogger(logr.FromSlogHandler(handler))

	if err := checkMetricsCert(o.metricsCertDir); err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the API server: %w", err)
	}
	mgr, err := ctrl.NewManager(config, managerOptions(o))
	if err != nil {
		return fmt.Errorf("connecting to the API server: %w", err)
	}
	if err := addChecks(mgr); err != nil {
		return err
	}
	if err := controllers.SetUp(mgr, controllers.Options{
		ServerImage: o.serverImage, OperatorPods: o.operatorPods, ReviewersBinding: o.reviewers,
	}); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// checkMetricsCert keeps a misspelt folder from being replaced, in silence, by a
// certificate that nobody can check.
func checkMetricsCert(dir string) error {
	if dir == "" {
		return nil
	}
	_, err := tls.LoadX509KeyPair(filepath.Join(dir, corev1.TLSCertKey), filepath.Join(dir, corev1.TLSPrivateKeyKey))
	if err != nil {
		return fmt.Errorf("--metrics-cert-dir: %w", err)
	}
	return nil
}

func managerOptions(o *options) ctrl.Options {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(cmv1.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return ctrl.Options{
		Scheme: scheme,
		Cache:  controllers.Cache(o.watchNamespaces),
		Client: controllers.Client(),
		Metrics: metricsserver.Options{
			BindAddress:    o.metricsAddress,
			SecureServing:  true,
			CertDir:        o.metricsCertDir,
			FilterProvider: filters.WithAuthenticationAndAuthorization,
			TLSOpts:        []func(*tls.Config){limitTLS},
		},
		HealthProbeBindAddress: o.probeAddress,
		LeaderElection:         o.leaderElect,
		LeaderElectionID:       leaderElectionID,
		// The process ends right after the manager, so the next leader need not
		// wait for the Lease to run out.
		LeaderElectionReleaseOnCancel: true,
	}
}

func limitTLS(c *tls.Config) {
	c.MinVersion, c.CipherSuites = tls.VersionTLS12, settings.CipherSuites()
}

// addChecks makes the operator ready when it sees what it has to work on, and
// that is before it leads.
func addChecks(mgr manager.Manager) error {
	synced := func(r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), 500*time.Millisecond)
		defer cancel()
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return errors.New("the cache of the API server's objects is not filled yet")
		}
		return nil
	}
	return errors.Join(mgr.AddHealthzCheck("ping", healthz.Ping), mgr.AddReadyzCheck("cache", synced))
}
