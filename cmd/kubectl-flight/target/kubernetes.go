package target

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

const (
	elsewhere = "give --server grpc://HOST:PORT for a server elsewhere"
	// defaultHost is what client-go takes where nothing says a cluster.
	defaultHost = "http://localhost:8080"
)

// Kubernetes is one namespace of a Kubernetes cluster.
type Kubernetes struct {
	client.Reader
	Namespace string
	config    *rest.Config // for port-forwards
}

// Kubernetes connects to the cluster that kubectl's flags and kubeconfig name.
func (o *Options) Kubernetes() (*Kubernetes, error) {
	config, err := o.Kube.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("no Kubernetes cluster to look in: %w; %s", err, elsewhere)
	}
	if config.Host == defaultHost {
		return nil, errors.New("no Kubernetes cluster to look in: there is no kubeconfig, or it names no cluster; " + elsewhere)
	}
	namespace, _, err := o.Kube.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, err
	}
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	return &Kubernetes{Reader: c, Namespace: namespace, config: config}, nil
}

func newScheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	return s, errors.Join(clientgoscheme.AddToScheme(s), v1alpha1.AddToScheme(s))
}

// FlightCluster gives the cluster of the name or, without a name, the only
// one of the namespace.
func (k *Kubernetes) FlightCluster(ctx context.Context, name string) (*v1alpha1.FlightCluster, error) {
	if name == "" {
		return k.onlyCluster(ctx)
	}
	cr := &v1alpha1.FlightCluster{}
	err := k.Get(ctx, client.ObjectKey{Namespace: k.Namespace, Name: name}, cr)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("FlightCluster %q not found in namespace %s; kubectl get fc -A shows what is there", name, k.Namespace)
	}
	return cr, explain(err)
}

func (k *Kubernetes) onlyCluster(ctx context.Context) (*v1alpha1.FlightCluster, error) {
	var all v1alpha1.FlightClusterList
	if err := k.List(ctx, &all, client.InNamespace(k.Namespace)); err != nil {
		return nil, explain(err)
	}
	switch len(all.Items) {
	case 0:
		return nil, fmt.Errorf("namespace %s has no FlightCluster; give -n NAMESPACE, or %s", k.Namespace, elsewhere)
	case 1:
		return &all.Items[0], nil
	}
	names := make([]string, len(all.Items))
	for i, cr := range all.Items {
		names[i] = cr.Name
	}
	return nil, fmt.Errorf("namespace %s has several FlightClusters; give --cluster %s", k.Namespace, strings.Join(names, "|"))
}

// FlightDatasets gives the datasets that are declared for a cluster.
func (k *Kubernetes) FlightDatasets(ctx context.Context, cluster string) ([]v1alpha1.FlightDataset, error) {
	var all v1alpha1.FlightDatasetList
	if err := k.List(ctx, &all, client.InNamespace(k.Namespace)); err != nil {
		return nil, explain(err)
	}
	var own []v1alpha1.FlightDataset
	for _, d := range all.Items {
		if d.Spec.ClusterRef.Name == cluster {
			own = append(own, d)
		}
	}
	return own, nil
}

// DatasetName is the name that the servers know a declared dataset by.
func DatasetName(d *v1alpha1.FlightDataset) string {
	if len(d.Spec.Path) == 0 {
		return d.Name
	}
	return strings.Join(d.Spec.Path, "/")
}

// readyPod gives the name of a pod that serves.
func (k *Kubernetes) readyPod(ctx context.Context, cr *v1alpha1.FlightCluster) (string, error) {
	selector, err := podSelector(cr)
	if err != nil {
		return "", err
	}
	var pods corev1.PodList
	if err := k.List(ctx, &pods, client.InNamespace(k.Namespace), selector); err != nil {
		return "", explain(err)
	}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp.IsZero() && isReady(&pod) {
			return pod.Name, nil
		}
	}
	return "", fmt.Errorf("FlightCluster %q has no ready pod; kubectl flight status %[1]s tells why", cr.Name)
}

func isReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// explain says what to do about errors of the Kubernetes API.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case meta.IsNoMatchError(err):
		return errors.New("this Kubernetes cluster has no FlightClusters: flight-operator is not installed; " + elsewhere)
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return fmt.Errorf("Kubernetes refuses: %w", err)
	}
	return fmt.Errorf("asking Kubernetes: %w", err)
}
