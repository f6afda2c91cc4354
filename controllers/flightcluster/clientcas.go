package flightcluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// maxClientCAs keeps the Secret that they go into below what Kubernetes takes.
const maxClientCAs = 512 << 10

// planClientCAs decides by which authorities members know their clients. Where
// those that the spec names are of no use, members keep what they have; where
// they have none, the cluster's own, so that a mistake lets nobody in.
func (c *Controller) planClientCAs(ctx context.Context, s *scope) (reconcile.Result, error) {
	if resource.ClientAuth(s.cr) == v1alpha1.ClientAuthNone {
		return reconcile.Result{}, nil
	}
	s.desired.ClientCAs = s.desired.Trust
	if s.cr.Spec.TLS.ClientCAs == nil {
		return reconcile.Result{}, nil
	}
	bundle, fault, err := c.readCAs(ctx, s.cr.Namespace, s.cr.Spec.TLS.ClientCAs)
	if err != nil {
		return reconcile.Result{}, err
	}
	if fault == "" {
		s.desired.ClientCAs = bundle
		return reconcile.Result{}, nil
	}
	return c.keepClientCAs(ctx, s, fault)
}

func (c *Controller) keepClientCAs(ctx context.Context, s *scope, fault string) (reconcile.Result, error) {
	secret := &corev1.Secret{}
	if _, err := c.getChild(ctx, s.cr, metadata.ServerTLSName(s.cr), secret); err != nil {
		return s.cannotStore(err)
	}
	if last := secret.Data[settings.ClientCAFile]; len(last) > 0 {
		s.desired.ClientCAs = last
	}
	s.clientCAFault = fault + "; until then members know clients by the authorities that they had before, at first the cluster's own"
	s.stallOn(v1alpha1.ReasonClientCAsInvalid, s.clientCAFault)
	return reconcile.Result{}, nil
}

// readCAs reads what the spec names, or tells what is wrong with it and how to
// mend it.
func (c *Controller) readCAs(ctx context.Context, namespace string, from *v1alpha1.CASource) (bundle []byte, fault string, err error) {
	bundle, found, err := c.readBundle(ctx, namespace, from)
	if err != nil {
		return nil, "", err
	}
	if why := caFault(found, bundle); why != "" {
		return nil, fmt.Sprintf("%s of tls.clientCAs %s", sourceName(from), why), nil
	}
	return bundle, "", nil
}

// readBundle reads what a source has under ca.crt, and tells whether the object
// is there.
func (c *Controller) readBundle(ctx context.Context, namespace string, from *v1alpha1.CASource) (bundle []byte, found bool, err error) {
	if from.Secret != "" {
		secret := &corev1.Secret{}
		found, err = c.getOther(ctx, client.ObjectKey{Namespace: namespace, Name: from.Secret}, secret)
		return secret.Data[settings.CAFile], found, err
	}
	config := &corev1.ConfigMap{}
	found, err = c.getOther(ctx, client.ObjectKey{Namespace: namespace, Name: from.ConfigMap}, config)
	return []byte(config.Data[settings.CAFile]), found, err
}

// sourceName is what people call a source.
func sourceName(from *v1alpha1.CASource) string {
	if from.Secret != "" {
		return "Secret " + from.Secret
	}
	return "ConfigMap " + from.ConfigMap
}

func caFault(found bool, bundle []byte) string {
	switch _, err := settings.ParseRoots(bundle); {
	case !found:
		return "does not exist: create it with the certificates of your clients' authorities under the key " + settings.CAFile
	case len(bundle) > maxClientCAs:
		return fmt.Sprintf("has more than %d KiB under the key %s: leave out authorities that issue no certificates to clients",
			maxClientCAs>>10, settings.CAFile)
	case err != nil:
		return fmt.Sprintf("has no good certificates under the key %s: put those of your clients' authorities there, in PEM: %v", settings.CAFile, err)
	}
	return ""
}

// clientCARevision names the authorities that members should have loaded; empty:
// they ask for no certificates.
func (s *scope) clientCARevision() string {
	if s.desired.ClientCAs == nil {
		return ""
	}
	return settings.Revision(s.desired.ClientCAs)
}
