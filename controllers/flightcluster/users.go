package flightcluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/rotation"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// planUsers hashes the passwords of users. A Secret that is missing or malformed
// leaves its user with the password that it had.
func (c *Controller) planUsers(ctx context.Context, s *scope) (reconcile.Result, error) {
	var users []rotation.User
	for _, spec := range userSpecs(s.cr) {
		last := s.lastUser(spec.Name)
		secret, err := c.userSecret(ctx, s.cr.Namespace, spec)
		if err != nil {
			return reconcile.Result{}, err
		}
		if fault := userFault(spec, secret); fault != "" {
			if last.PasswordHash == "" {
				fault += "; until then the user cannot log in"
			} else {
				fault += "; until then the last good password stays in force"
			}
			s.userFaults = append(s.userFaults, fault)
		} else {
			last = last.With(string(secret.UID)+"/"+secret.ResourceVersion, string(secret.Data[corev1.BasicAuthPasswordKey]))
		}
		if last.PasswordHash != "" {
			users = append(users, last)
		}
	}
	s.record.Users = users
	if len(s.userFaults) > 0 {
		s.stallOn(v1alpha1.ReasonUserSecretInvalid, s.userFaults[0])
	}
	return reconcile.Result{}, nil
}

// userSecret reads the Secret of a user; nil: there is none.
func (c *Controller) userSecret(ctx context.Context, namespace string, spec v1alpha1.UserSpec) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: namespace, Name: spec.SecretRef.Name}
	if found, err := c.getOther(ctx, key, secret); !found || err != nil {
		return nil, err
	}
	return secret, nil
}

// getOther reads an object that is not the operator's into out, past the cache
// where it does not bear the label of a cluster, and tells whether it is there.
func (c *Controller) getOther(ctx context.Context, key client.ObjectKey, out client.Object) (bool, error) {
	err := c.Client.Get(ctx, key, out)
	if apierrors.IsNotFound(err) {
		err = c.Live.Get(ctx, key, out)
	}
	return err == nil, client.IgnoreNotFound(err)
}

// userFault tells what is wrong with a user's Secret and how to mend it. No
// value of it is told, since a password may be in the wrong place.
func userFault(spec v1alpha1.UserSpec, secret *corev1.Secret) string {
	name := spec.SecretRef.Name
	switch {
	case secret == nil:
		return fmt.Sprintf("Secret %s of user %s does not exist: create it with type %s and the key %s",
			name, spec.Name, corev1.SecretTypeBasicAuth, corev1.BasicAuthPasswordKey)
	case secret.Type != corev1.SecretTypeBasicAuth:
		return fmt.Sprintf("Secret %s of user %s is not of type %s: make it anew with that type", name, spec.Name, corev1.SecretTypeBasicAuth)
	case len(secret.Data[corev1.BasicAuthPasswordKey]) == 0:
		return fmt.Sprintf("Secret %s of user %s has no password: put one under the key %s", name, spec.Name, corev1.BasicAuthPasswordKey)
	}
	if username, ok := secret.Data[corev1.BasicAuthUsernameKey]; ok && string(username) != spec.Name {
		return fmt.Sprintf("Secret %s of user %s has another name under the key %s: the two must be the same, or the key absent",
			name, spec.Name, corev1.BasicAuthUsernameKey)
	}
	return ""
}

// lastUser is what is known of a user; a record that was lost is made up for by
// what servers are told.
func (s *scope) lastUser(name string) rotation.User {
	for _, u := range s.record.Users {
		if u.Name == name && settings.CheckPasswordHash(u.PasswordHash) == nil {
			return u
		}
	}
	for _, u := range s.credentials.Users {
		if u.Name == name {
			return rotation.User{Name: name, PasswordHash: u.PasswordHash}
		}
	}
	return rotation.User{Name: name}
}

func userSpecs(cr *v1alpha1.FlightCluster) []v1alpha1.UserSpec {
	if cr.Spec.Auth == nil {
		return nil
	}
	return cr.Spec.Auth.Users
}
