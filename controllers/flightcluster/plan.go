package flightcluster

import (
	"cmp"
	"context"
	"errors"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/controllers/rotation"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// chooseImage says what the servers run.
func (c *Controller) chooseImage(_ context.Context, s *scope) (reconcile.Result, error) {
	s.desired.Cluster = s.cr
	s.desired.OperatorPods = c.OperatorPods
	s.desired.Image = cmp.Or(s.cr.Spec.Image, c.ServerImage)
	if s.desired.Image == "" {
		s.stallOn(v1alpha1.ReasonImageMissing, "set spec.image: the operator was started without --server-image")
		return reconcile.Result{}, reconcile.TerminalError(errors.New(s.stall.Message))
	}
	return reconcile.Result{}, nil
}

// planFiles writes what the servers read, and keeps the claim template of the
// StatefulSet that runs.
func (c *Controller) planFiles(ctx context.Context, s *scope) (reconcile.Result, error) {
	var err error
	if s.desired.Settings, err = resource.Settings(s.cr).Marshal(); err != nil {
		return reconcile.Result{}, err
	}
	if err := s.desireTokens(); err != nil {
		return reconcile.Result{}, err
	}
	if s.desired.Credentials, err = credentials(s.cr, s.record).Marshal(); err != nil {
		return reconcile.Result{}, err
	}
	s.desired.ClaimSize = s.cr.Spec.Storage.Size
	running := &appsv1.StatefulSet{}
	found, err := c.getChild(ctx, s.cr, s.cr.Name, running)
	if err != nil {
		return s.refused(err)
	}
	if found && len(running.Spec.VolumeClaimTemplates) > 0 {
		s.desired.ClaimSize = running.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests[corev1.ResourceStorage]
	}
	return reconcile.Result{}, nil
}

// credentials are the digests of tokens, the hashes of passwords, and the names
// in certificates.
func credentials(cr *v1alpha1.FlightCluster, record rotation.Record) *settings.Credentials {
	out := &settings.Credentials{}
	if auth := cr.Spec.Auth; auth != nil && auth.Anonymous != v1alpha1.AnonymousNone {
		out.Anonymous = settings.Role(auth.Anonymous)
	}
	for _, spec := range tokenSpecs(cr) {
		out.Tokens = append(out.Tokens, record.Digests(spec.Name, settings.Role(spec.Role))...)
	}
	roles := map[string]v1alpha1.Role{}
	for _, spec := range userSpecs(cr) {
		roles[spec.Name] = spec.Role
	}
	for _, u := range record.Users {
		out.Users = append(out.Users, settings.User{Name: u.Name, PasswordHash: u.PasswordHash, Role: settings.Role(roles[u.Name])})
	}
	for _, spec := range certificateSpecs(cr) {
		out.ClientCertificates = append(out.ClientCertificates, settings.ClientCertificate{CommonName: spec.CommonName, Role: settings.Role(spec.Role)})
	}
	out.ServiceAccounts = resource.ServiceAccounts(cr)
	return out
}

func certificateSpecs(cr *v1alpha1.FlightCluster) []v1alpha1.ClientCertificateSpec {
	if cr.Spec.Auth == nil {
		return nil
	}
	return cr.Spec.Auth.ClientCertificates
}

// authRevision names the credentials that members should have loaded.
func (s *scope) authRevision() string {
	if len(s.desired.Credentials) == 0 {
		return ""
	}
	return settings.Revision(s.desired.Credentials)
}
