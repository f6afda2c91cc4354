package resource

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Keys of the Secret that a token is handed over in.
const (
	TokenKey = "token"
	URIKey   = "uri"
)

// RecordKey is the key of the Secret that the operator's record is in.
const RecordKey = "record.yaml"

// AuthoritySecret holds the authority, and how far its replacement is. No pod
// mounts it.
func AuthoritySecret(d *Desired) *corev1ac.SecretApplyConfiguration {
	return secret(d.Cluster, metadata.AuthorityName(d.Cluster), corev1.SecretTypeTLS).WithData(d.Authority)
}

// ServerTLSSecret is mounted by the servers. It holds what they show to clients
// and, for the admin port, what they show to the operator, with the roots that
// the certificates of the operator and of clients are checked against.
func ServerTLSSecret(d *Desired) *corev1ac.SecretApplyConfiguration {
	data := map[string][]byte{
		settings.AdminCertFile: d.Server.Certificate,
		settings.AdminKeyFile:  d.Server.Key,
		settings.CAFile:        d.AdminTrust,
	}
	if d.ClientCAs != nil {
		data[settings.ClientCAFile] = d.ClientCAs
	}
	return tlsSecret(d.Cluster, metadata.ServerTLSName(d.Cluster), d.Shown).WithData(data)
}

// OperatorTLSSecret is what the operator shows to the servers' admin port.
func OperatorTLSSecret(d *Desired) *corev1ac.SecretApplyConfiguration {
	return tlsSecret(d.Cluster, metadata.OperatorTLSName(d.Cluster), d.Operator).
		WithData(map[string][]byte{settings.CAFile: d.AdminTrust})
}

// TrustConfigMap is for clients that hold no token: the roots are no secret.
func TrustConfigMap(d *Desired) *corev1ac.ConfigMapApplyConfiguration {
	return configMap(d.Cluster, metadata.TrustName(d.Cluster)).
		WithData(map[string]string{settings.CAFile: string(d.Trust)})
}

// TokenSecret is all that a client needs to connect.
func TokenSecret(d *Desired, t Token) *corev1ac.SecretApplyConfiguration {
	data := map[string][]byte{TokenKey: []byte(t.Text), URIKey: []byte(URI(d.Cluster))}
	if !TLSDisabled(d.Cluster) && len(d.Trust) > 0 {
		data[settings.CAFile] = d.Trust
	}
	return secret(d.Cluster, metadata.TokenSecretName(d.Cluster, t.TokenSpec), corev1.SecretTypeOpaque).
		WithLabels(metadata.TokenLabels(d.Cluster, t.Name)).
		WithData(data)
}

// RecordSecret is the operator's alone. No pod mounts it.
func RecordSecret(d *Desired) *corev1ac.SecretApplyConfiguration {
	return secret(d.Cluster, metadata.RecordName(d.Cluster), corev1.SecretTypeOpaque).
		WithData(map[string][]byte{RecordKey: d.Record})
}

// SigningKeysSecret is mounted by the servers: what one of them signs is good
// for all.
func SigningKeysSecret(d *Desired) *corev1ac.SecretApplyConfiguration {
	return secret(d.Cluster, metadata.SigningKeysName(d.Cluster), corev1.SecretTypeOpaque).
		WithData(d.SigningKeys)
}

// AuthSecret is mounted by the servers. It holds digests, which give nobody
// access.
func AuthSecret(d *Desired) *corev1ac.SecretApplyConfiguration {
	return secret(d.Cluster, metadata.AuthName(d.Cluster), corev1.SecretTypeOpaque).
		WithData(map[string][]byte{settings.CredentialsFile: d.Credentials})
}

func tlsSecret(cr *v1alpha1.FlightCluster, name string, pair KeyPair) *corev1ac.SecretApplyConfiguration {
	return secret(cr, name, corev1.SecretTypeTLS).
		WithData(map[string][]byte{
			settings.TLSCertFile: pair.Certificate,
			settings.TLSKeyFile:  pair.Key,
		})
}

func secret(cr *v1alpha1.FlightCluster, name string, kind corev1.SecretType) *corev1ac.SecretApplyConfiguration {
	return corev1ac.Secret(name, cr.Namespace).
		WithLabels(metadata.Labels(cr)).
		WithOwnerReferences(metadata.Owner(cr)).
		WithType(kind)
}
