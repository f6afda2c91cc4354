package flightcluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/pki"
	"github.com/flight-operator/flight-operator/controllers/status"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// readOffer reads the certificate that the provider has for clients; nil: that
// of the cluster's own authority is meant. What is wrong with it is no failure.
func (c *Controller) readOffer(ctx context.Context, s *scope) (*pki.Offer, error) {
	switch provider(s.cr) {
	case v1alpha1.TLSCertManager:
		return c.readIssued(ctx, s)
	case v1alpha1.TLSSecret:
		return c.readOwn(ctx, s)
	}
	return nil, nil
}

// readOwn reads the user's certificate and the roots that vouch for it. The roots
// are published although the certificate is of no use yet.
func (c *Controller) readOwn(ctx context.Context, s *scope) (*pki.Offer, error) {
	from, secret := s.cr.Spec.TLS.Secret, &corev1.Secret{}
	found, err := c.getOther(ctx, client.ObjectKey{Namespace: s.cr.Namespace, Name: from.Name}, secret)
	if err != nil {
		return nil, err
	}
	roots, rootsFound, err := c.readBundle(ctx, s.cr.Namespace, &from.CABundle)
	if err != nil {
		return nil, err
	}
	offer := &pki.Offer{Trust: roots, Names: append([]string{metadata.ServiceHost(s.cr)}, s.cr.Spec.TLS.DNSNames...)}
	switch {
	case !found:
		s.blame(fmt.Sprintf("Secret %s of tls.secret does not exist: create it with type %s", from.Name, corev1.SecretTypeTLS))
	case secret.Type != corev1.SecretTypeTLS:
		s.blame(fmt.Sprintf("Secret %s of tls.secret is not of type %s: make it anew with that type", from.Name, corev1.SecretTypeTLS))
	case !rootsFound:
		s.blame(fmt.Sprintf("%s of tls.secret.caBundle does not exist: create it with the roots that clients should trust under the key %s",
			sourceName(&from.CABundle), settings.CAFile))
	default:
		offer.KeyPair = keyPair(secret)
	}
	return offer, nil
}

// blameOffer says where the certificate came from that is of no use, unless it
// is known already, and what becomes of clients until that is mended. Nobody but
// the user can mend what is the user's.
func (s *scope) blameOffer(err error, h pki.Handover) {
	switch {
	case s.offerFault != nil:
	case provider(s.cr) == v1alpha1.TLSSecret:
		from := s.cr.Spec.TLS.Secret
		s.blame(fmt.Sprintf("Secret %s of tls.secret, with the roots of %s, is of no use: %s; replace what is wrong",
			from.Name, sourceName(&from.CABundle), err))
	default:
		name := metadata.IssuedName(s.cr)
		s.blame(fmt.Sprintf("Secret %s, which cert-manager wrote, is of no use: %s; look at Certificate %s and its issuer", name, err, name))
	}
	if len(h.Shown.Certificate) > 0 {
		s.offerFault.Message += "; until then the last good certificate stays in force"
	} else {
		s.offerFault.Message += "; until then no server starts"
	}
	if provider(s.cr) == v1alpha1.TLSSecret {
		s.stallOn(s.offerFault.Reason, s.offerFault.Message)
	}
}

func (s *scope) blame(why string) {
	s.offerFault = &status.Fault{Reason: v1alpha1.ReasonCertificateInvalid, Message: why}
}

func provider(cr *v1alpha1.FlightCluster) v1alpha1.TLSProvider {
	if cr.Spec.TLS == nil {
		return v1alpha1.TLSOperator
	}
	return cr.Spec.TLS.Provider
}
