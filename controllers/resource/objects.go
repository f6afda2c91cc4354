// Package resource turns a FlightCluster into the objects that run it: a file an
// object, a pure function each.
package resource

import (
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// KeyPair is a certificate and its key, in PEM.
type KeyPair struct{ Certificate, Key []byte }

// Token is a bearer token of the cluster with its text. Without a text it is not
// handed over yet, and its Secret stays as it is.
type Token struct {
	v1alpha1.TokenSpec

	Text string
}

// Desired is all that a cluster's children are made from.
type Desired struct {
	Cluster *v1alpha1.FlightCluster
	// Image that the servers run.
	Image string
	// ClaimSize of the StatefulSet's template; a running StatefulSet keeps its
	// own, see StatefulSet.
	ClaimSize apiresource.Quantity

	Authority map[string][]byte // content of the authority's Secret
	// AdminTrust are the roots by which servers and operator know each other, in
	// PEM, with certificates that they vouch for.
	AdminTrust       []byte
	ClientCAs        []byte // roots of the certificates of clients, in PEM; nil: none are asked for
	Server, Operator KeyPair
	// Trust are the roots that clients trust, in PEM, and Shown is the certificate
	// that they meet; empty: there is none yet, and nothing to mount for a pod.
	Trust []byte
	Shown KeyPair
	// Issue is what cert-manager is asked for; nil: nothing.
	Issue  *CertificateRequest
	Tokens []Token

	Settings    []byte // content of the settings file
	Credentials []byte // content of the credentials file

	// OperatorPods are let in to the admin port.
	OperatorPods Pods

	Record      []byte            // of tokens and users
	SigningKeys map[string][]byte // content of their Secret
}

// Objects lists the children in the order in which they are applied: what pods
// mount and resolve comes before the StatefulSet, so that none waits for a
// mount; the authority comes before what it signed, so that nothing is trusted
// whose key was lost on the way; the Secrets of tokens come before the digests, so that a token that
// was lost on the way is never valid; the NetworkPolicy comes before the pods,
// none of which is ever open to more than it permits.
func Objects(d *Desired) []runtime.ApplyConfiguration {
	objects := []runtime.ApplyConfiguration{
		ServiceAccount(d.Cluster),
		AuthoritySecret(d),
	}
	objects = append(objects, certificates(d)...)
	objects = append(objects, SigningKeysSecret(d))
	objects = append(objects, Tokens(d)...)
	objects = append(objects,
		AuthSecret(d),
		SettingsConfigMap(d),
		PeersService(d.Cluster),
		ClientService(d.Cluster),
	)
	if HasNetworkPolicy(d.Cluster) {
		objects = append(objects, NetworkPolicy(d))
	}
	if d.isShown() {
		objects = append(objects, StatefulSet(d))
	}
	return objects
}

// certificates lists what follows from the authority, and what is asked of
// others.
func certificates(d *Desired) []runtime.ApplyConfiguration {
	objects := []runtime.ApplyConfiguration{OperatorTLSSecret(d)}
	if d.Issue != nil {
		objects = append(objects, Certificate(d))
	}
	if len(d.Trust) > 0 {
		objects = append(objects, TrustConfigMap(d))
	}
	if d.isShown() {
		objects = append(objects, ServerTLSSecret(d))
	}
	return objects
}

func (d *Desired) isShown() bool { return len(d.Shown.Certificate) > 0 }

// Tokens lists the Secrets of tokens. The record comes first: what is handed
// over must not be forgotten.
func Tokens(d *Desired) []runtime.ApplyConfiguration {
	objects := []runtime.ApplyConfiguration{RecordSecret(d)}
	for _, t := range d.Tokens {
		if t.Text != "" {
			objects = append(objects, TokenSecret(d, t))
		}
	}
	return objects
}
