package controllers

import (
	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/controllers/metadata"
)

// ofClusters selects what bears the name of any cluster.
var ofClusters = must(labels.NewRequirement(metadata.LabelCluster, selection.Exists, nil))

func must(r *labels.Requirement, err error) *labels.Requirement {
	if err != nil {
		panic(err) // the same in every process, so the first test shows it
	}
	return r
}

// Cache holds what the operator made and nothing else, beside Secrets and
// ConfigMaps that bear the label of a cluster: an operator that watches all namespaces must not keep
// everybody's Secrets in memory. No namespaces means all of them.
func Cache(namespaces []string) cache.Options {
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{metadata.LabelManagedBy: metadata.ManagedBy})}
	labelled := cache.ByObject{Label: labels.NewSelector().Add(*ofClusters)}
	pods := ours
	pods.Transform = cache.TransformStripManagedFields() // nothing is applied to pods
	o := cache.Options{
		ByObject: map[client.Object]cache.ByObject{
			&appsv1.StatefulSet{}:           ours,
			&corev1.ConfigMap{}:             labelled,
			&corev1.PersistentVolumeClaim{}: ours,
			&corev1.Pod{}:                   pods,
			&corev1.Secret{}:                labelled,
			&corev1.Service{}:               ours,
			&corev1.ServiceAccount{}:        ours,
			&networkingv1.NetworkPolicy{}:   ours,
		},
	}
	for _, namespace := range namespaces {
		if o.DefaultNamespaces == nil {
			o.DefaultNamespaces = map[string]cache.Config{}
		}
		o.DefaultNamespaces[namespace] = cache.Config{}
	}
	return o
}

// Client reads through the cache, but for the Certificates of cert-manager: a
// watch would need their CRD, and the Secrets that they lead to tell enough.
func Client() client.Options {
	return client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&cmv1.Certificate{}}}}
}
