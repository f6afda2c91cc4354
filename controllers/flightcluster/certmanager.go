package flightcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmetav1 "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/pki"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/controllers/status"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// readIssued reads what cert-manager wrote, and says what to ask it for.
func (c *Controller) readIssued(ctx context.Context, s *scope) (*pki.Offer, error) {
	dns, addresses := s.policy.Names.Server()
	s.desired.Issue = &resource.CertificateRequest{
		DNSNames: dns, Addresses: addresses,
		Duration: s.policy.Leaf.Duration, RenewBefore: s.policy.Leaf.RenewBefore,
	}
	secret := &corev1.Secret{}
	found, err := c.getOther(ctx, client.ObjectKey{Namespace: s.cr.Namespace, Name: metadata.IssuedName(s.cr)}, secret)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return &pki.Offer{}, c.explainIssue(ctx, s)
	case secret.Annotations[cmv1.CertificateNameKey] != secret.Name:
		// cert-manager would overwrite it.
		s.desired.Issue = nil
		_, err := s.refused(fmt.Errorf("%s %s is %w", "Secret", secret.Name, errConflict))
		s.offerFault = &status.Fault{Reason: s.stall.Reason, Message: s.stall.Message}
		return &pki.Offer{}, err
	}
	s.issuedSecret = secret
	return &pki.Offer{KeyPair: keyPair(secret), Trust: secret.Data[settings.CAFile], Names: dns}, nil
}

// explainIssue tells why there is no certificate yet, as far as cert-manager does.
func (c *Controller) explainIssue(ctx context.Context, s *scope) error {
	name := metadata.IssuedName(s.cr)
	certificate := &cmv1.Certificate{}
	err := c.Live.Get(ctx, client.ObjectKey{Namespace: s.cr.Namespace, Name: name}, certificate)
	if err != nil && !meta.IsNoMatchError(err) && !apierrors.IsNotFound(err) {
		return err // applying it tells the rest
	}
	message := fmt.Sprintf("waiting for cert-manager to issue Certificate %s", name)
	unready := slices.IndexFunc(certificate.Status.Conditions, func(c cmv1.CertificateCondition) bool {
		return c.Type == cmv1.CertificateConditionReady && c.Status != cmmetav1.ConditionTrue
	})
	if unready >= 0 {
		message += ": " + certificate.Status.Conditions[unready].Message
	}
	s.offerFault = &status.Fault{Reason: v1alpha1.ReasonNotIssued, Message: message}
	return nil
}

// adoptIssued makes the cluster the owner of what cert-manager wrote, unless
// cert-manager was told to own it.
func (c *Controller) adoptIssued(ctx context.Context, s *scope) (reconcile.Result, error) {
	if s.issuedSecret == nil || metav1.GetControllerOf(s.issuedSecret) != nil || s.cr.Spec.Paused {
		return reconcile.Result{}, nil
	}
	return s.refused(c.Client.Apply(ctx, resource.IssuedSecret(s.issuedSecret, s.cr), client.FieldOwner(metadata.FieldOwner), client.ForceOwnership))
}

// deleteCertificates removes what cert-manager was asked for when the provider is
// another. What clients meet is a copy. It is done once for each change of the
// spec: who never had cert-manager should not be asked for it all the time.
func (c *Controller) deleteCertificates(ctx context.Context, s *scope) (reconcile.Result, error) {
	if provider(s.cr) == v1alpha1.TLSCertManager || s.cr.Spec.Paused || s.cr.Status.ObservedGeneration == s.cr.Generation {
		return reconcile.Result{}, nil
	}
	for _, object := range []client.Object{&cmv1.Certificate{}, &corev1.Secret{}} {
		found, err := c.getChild(ctx, s.cr, metadata.IssuedName(s.cr), object)
		switch {
		case meta.IsNoMatchError(err), errors.Is(err, errConflict), err == nil && !found:
			continue
		case err != nil:
			return reconcile.Result{}, err
		}
		err = client.IgnoreNotFound(c.Client.Delete(ctx, object, client.Preconditions{UID: new(object.GetUID())}))
		if err != nil {
			return reconcile.Result{}, err
		}
	}
	return reconcile.Result{}, nil
}
