package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FlightCluster runs Arrow Flight servers over persistent volumes.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=fc,categories=flight
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:printcolumn:name=Ready,type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name=Replicas,type=integer,JSONPath=`.status.readyReplicas`
// +kubebuilder:printcolumn:name=Version,type=string,JSONPath=`.status.version`
// +kubebuilder:printcolumn:name=Cert expiry,type=string,priority=1,JSONPath=`.status.pki.notAfter`
// +kubebuilder:printcolumn:name=Message,type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name becomes part of the names of Services and pods: use at most 40 lower-case letters, digits and '-', beginning with a letter and ending with a letter or digit"
type FlightCluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec FlightClusterSpec `json:"spec"`
	// +optional
	Status FlightClusterStatus `json:"status,omitempty"`
}

// FlightClusterList is a list of FlightClusters.
//
// +kubebuilder:object:root=true
type FlightClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []FlightCluster `json:"items"`
}

// FlightClusterSpec is what a cluster should be.
//
// +kubebuilder:validation:XValidation:rule="!has(self.auth) || ((!has(self.auth.tokens) || self.auth.tokens.size() == 0) && (!has(self.auth.users) || self.auth.users.size() == 0) && !has(self.auth.serviceAccounts)) || !has(self.tls) || self.tls.provider != 'Disabled' || (has(self.auth.allowPlaintext) && self.auth.allowPlaintext)",fieldPath=".auth.allowPlaintext",message="tokens and passwords with tls.provider Disabled cross the network readable by anybody: set tls.provider to Operator, or set auth.allowPlaintext to true to accept that"
// +kubebuilder:validation:XValidation:rule="!has(self.auth) || !has(self.auth.clientCertificates) || self.auth.clientCertificates.size() == 0 || (has(self.tls) && has(self.tls.clientAuth) && self.tls.clientAuth != 'None')",fieldPath=".auth.clientCertificates",message="clientCertificates are known by what clients show, and they are not asked: set tls.clientAuth to Optional or Require, or remove clientCertificates"
type FlightClusterSpec struct {
	// Replicas is the number of servers: 1, or 0 to rest with all data kept.
	//
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:XValidation:rule="self <= 1",message="replicas must be 0 or 1: servers cannot share data yet, so a second one would serve other datasets than the first"
	Replicas *int32 `json:"replicas,omitempty"`

	// Image is the server's container image. Default: the operator's own
	// --server-image, so that upgrading the operator upgrades the servers.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\s]+$')",message="image must be an image reference such as ghcr.io/flight-operator/flightserver:1.0.0; leave it out to run what the operator ships with"
	Image string `json:"image,omitempty"`

	// Paused stops the operator from changing anything that belongs to the
	// cluster. The servers go on, and the status is kept true.
	//
	// +optional
	Paused bool `json:"paused,omitempty"`

	// DeletionPolicy says what becomes of the volumes, and the data on them, when
	// the cluster is deleted. A cluster made anew under the same name takes
	// retained volumes over. Default: Retain.
	//
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// Storage describes each server's volume.
	//
	// +required
	Storage StorageSpec `json:"storage"`

	// Resources are the CPU and memory of each server.
	//
	// +optional
	Resources ResourcesSpec `json:"resources,omitempty"`

	// TLS says how the connections of clients are protected.
	//
	// +optional
	TLS *TLSSpec `json:"tls,omitempty"`

	// Auth says who may do what.
	//
	// +optional
	Auth *AuthSpec `json:"auth,omitempty"`

	// NetworkPolicy says who may open connections to the servers.
	//
	// +optional
	NetworkPolicy *NetworkPolicySpec `json:"networkPolicy,omitempty"`
}

// DeletionPolicy says what becomes of data when the resource that asked for it
// is deleted.
//
// +kubebuilder:validation:Enum=Retain;Delete
type DeletionPolicy string

// Deletion policies.
const (
	DeletionRetain DeletionPolicy = "Retain"
	DeletionDelete DeletionPolicy = "Delete"
)

// StorageSpec describes the volume of a server.
//
// +kubebuilder:validation:XValidation:rule="has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",fieldPath=".storageClassName",reason=FieldValueForbidden,message="storageClassName cannot be changed: volumes stay in the class that they were made in; make a new FlightCluster and copy the datasets"
type StorageSpec struct {
	// Size of each volume. It can grow where the storage class allows it, and
	// never shrinks.
	//
	// +required
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity(string(oldSelf))) >= 0",message="size cannot shrink: volumes only grow; keep the old size, or make a new FlightCluster and copy the datasets"
	// +kubebuilder:validation:XValidation:rule="isQuantity(string(self)) && quantity(string(self)).isGreaterThan(quantity('0'))",message="size must be more than nothing, for example 10Gi"
	Size resource.Quantity `json:"size"`

	// StorageClassName names the class of the volumes. Default: the default class
	// of the Kubernetes cluster. It cannot be changed.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`
}

// ResourcesSpec are the compute resources of a server.
//
// +kubebuilder:validation:XValidation:rule="!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits) || quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)",fieldPath=".requests",message="requests must not be more than limits: raise the limit or lower the request"
type ResourcesSpec struct {
	// Requests is what a node must have free for the server.
	//
	// +optional
	// +kubebuilder:validation:MaxProperties=3
	// +kubebuilder:validation:XValidation:rule="self.all(k, k in ['cpu', 'memory', 'ephemeral-storage'])",message="requests may have cpu, memory and ephemeral-storage: remove or correct the others"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !quantity(string(self[k])).isLessThan(quantity('0')))",message="requests must not be negative: use a value such as 500m or 1Gi"
	Requests corev1.ResourceList `json:"requests,omitempty"`

	// Limits is what the server may use at most.
	//
	// +optional
	// +kubebuilder:validation:MaxProperties=3
	// +kubebuilder:validation:XValidation:rule="self.all(k, k in ['cpu', 'memory', 'ephemeral-storage'])",message="limits may have cpu, memory and ephemeral-storage: remove or correct the others"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !quantity(string(self[k])).isLessThan(quantity('0')))",message="limits must not be negative: use a value such as 500m or 1Gi"
	Limits corev1.ResourceList `json:"limits,omitempty"`
}

// TLSSpec says how the connections of clients are protected. The port that the
// operator speaks to is always mutual TLS, with certificates of an authority
// that the operator runs for this cluster alone.
//
// +kubebuilder:validation:XValidation:rule="has(self.certManager) == (self.provider == 'CertManager')",fieldPath=".certManager",message="certManager belongs to provider CertManager, which needs it: set certManager.issuerRef, or remove certManager, or change provider"
// +kubebuilder:validation:XValidation:rule="has(self.secret) == (self.provider == 'Secret')",fieldPath=".secret",message="secret belongs to provider Secret, which needs it: set secret.name and secret.caBundle, or remove secret, or change provider"
// +kubebuilder:validation:XValidation:rule="self.provider != 'CertManager' || !has(self.leaf) || ((!has(self.leaf.duration) || duration(self.leaf.duration) >= duration('1h')) && (!has(self.leaf.renewBefore) || duration(self.leaf.renewBefore) >= duration('5m')))",fieldPath=".leaf",message="cert-manager issues for 1h or more, and renews 5m or more before the end: lengthen leaf.duration or leaf.renewBefore"
// +kubebuilder:validation:XValidation:rule="(has(self.leaf) && has(self.leaf.duration) ? duration(self.leaf.duration) : duration('168h')) <= (has(self.ca) && has(self.ca.duration) ? duration(self.ca.duration) : duration('8760h'))",fieldPath=".leaf",message="leaf.duration (168h when it is left out) must not be more than ca.duration (8760h when it is left out): a certificate ends with its authority; shorten leaf.duration or lengthen ca.duration"
// +kubebuilder:validation:XValidation:rule="!has(self.dnsNames) || self.provider != 'Disabled'",fieldPath=".dnsNames",message="dnsNames are names in a certificate that clients see, and with provider Disabled they see none: remove dnsNames or set provider to Operator"
// +kubebuilder:validation:XValidation:rule="!has(self.clientAuth) || self.clientAuth == 'None' || self.provider != 'Disabled'",fieldPath=".clientAuth",message="clientAuth asks for certificates, and with provider Disabled nobody can show one: remove clientAuth or set provider to Operator"
// +kubebuilder:validation:XValidation:rule="!has(self.clientCAs) || (has(self.clientAuth) && self.clientAuth != 'None')",fieldPath=".clientCAs",message="clientCAs are what certificates of clients are checked against, and none are asked for: set clientAuth to Optional or Require, or remove clientCAs"
type TLSSpec struct {
	// Provider of the certificate that clients meet: Operator issues it from the
	// cluster's own authority; CertManager has cert-manager issue it; Secret takes
	// yours; Disabled means plaintext. It can be changed while clients work: they are told whom to
	// trust before servers show another certificate.
	//
	// +required
	Provider TLSProvider `json:"provider"`

	// CertManager says which issuer signs, for provider CertManager.
	//
	// +optional
	CertManager *CertManagerSpec `json:"certManager,omitempty"`

	// Secret says where your certificate is, for provider Secret.
	//
	// +optional
	Secret *OwnCertificateSpec `json:"secret,omitempty"`

	// Leaf says how long certificates are valid.
	//
	// +optional
	Leaf *LeafSpec `json:"leaf,omitempty"`

	// CA says how long the authority is valid, and how it is replaced.
	//
	// +optional
	CA *CASpec `json:"ca,omitempty"`

	// ClientAuth says whether clients show certificates: None asks for none, with
	// Optional one that a client shows must be good, and with Require nobody
	// connects without. What a certificate permits is told by
	// auth.clientCertificates. Health checks and the operator have ports of their
	// own. A change restarts the servers. Default: None.
	//
	// +optional
	ClientAuth ClientAuth `json:"clientAuth,omitempty"`

	// ClientCAs are the authorities that may issue the certificates of clients.
	// Default: the cluster's own, those in ca.crt.
	//
	// +optional
	ClientCAs *CASource `json:"clientCAs,omitempty"`

	// DNSNames are names under which clients reach the cluster, beside those that
	// Kubernetes gives it.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.all(n, n.matches('^([*][.])?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?([.][a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$'))",message="dnsNames must be names such as flight.example.com or *.flight.example.com, in lower-case letters, digits, '-' and '.'"
	DNSNames []string `json:"dnsNames,omitempty"`

	// MaxConnectionAge is how long a connection of a client takes new calls.
	// Clients then connect again and see a new certificate; calls in flight go on.
	// Default: 1h.
	//
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}(h|m|s))+$') && duration(self) >= duration('10s')",message="maxConnectionAge must be a duration of 10s or more, in h, m and s, such as 1h"
	MaxConnectionAge *metav1.Duration `json:"maxConnectionAge,omitempty"`
}

// ClientAuth is what servers ask of clients.
//
// +kubebuilder:validation:Enum=None;Optional;Require
type ClientAuth string

// What servers may ask.
const (
	ClientAuthNone     ClientAuth = "None"
	ClientAuthOptional ClientAuth = "Optional"
	ClientAuthRequire  ClientAuth = "Require"
)

// CASource names where certificates of authorities are, in PEM under the key
// ca.crt. A change is noticed at once when the object bears the label
// flight-operator.io/cluster with the cluster's name, and within about a minute
// otherwise.
//
// +kubebuilder:validation:XValidation:rule="has(self.configMap) != has(self.secret)",message="name one of configMap and secret: the certificates are read from one place"
type CASource struct {
	// ConfigMap of the FlightCluster's namespace.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ConfigMap string `json:"configMap,omitempty"`

	// Secret of the FlightCluster's namespace. Nothing but ca.crt is read of it.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Secret string `json:"secret,omitempty"`
}

// LeafSpec says how long the certificates of servers and operator are valid.
//
// +kubebuilder:validation:XValidation:rule="!has(self.renewBefore) || duration(self.renewBefore) < (has(self.duration) ? duration(self.duration) : duration('168h'))",fieldPath=".renewBefore",message="renewBefore must be less than duration (168h when it is left out): a certificate cannot be renewed before it is made"
type LeafSpec struct {
	// Duration that a certificate is valid. Default: 168h.
	//
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}(h|m|s))+$') && duration(self) >= duration('5m')",message="duration must be 5m or more, in h, m and s, such as 168h"
	Duration *metav1.Duration `json:"duration,omitempty"`

	// RenewBefore is how long before its end a certificate is renewed. Default: a
	// third of duration.
	//
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}(h|m|s))+$') && duration(self) >= duration('1m')",message="renewBefore must be 1m or more, in h, m and s, such as 56h"
	RenewBefore *metav1.Duration `json:"renewBefore,omitempty"`
}

// CASpec says how long an authority is valid, and how another replaces it.
//
// +kubebuilder:validation:XValidation:rule="!has(self.renewBefore) || duration(self.renewBefore) < (has(self.duration) ? duration(self.duration) : duration('8760h'))",fieldPath=".renewBefore",message="renewBefore must be less than duration (8760h when it is left out): an authority cannot be replaced before it is made"
// +kubebuilder:validation:XValidation:rule="!has(self.overlap) || duration(self.overlap) < (has(self.renewBefore) ? duration(self.renewBefore) : duration('2160h'))",fieldPath=".overlap",message="overlap must be less than renewBefore (2160h at most when it is left out): the old authority must not end before clients know the new one"
// +kubebuilder:validation:XValidation:rule="!has(self.overlap) || duration(self.overlap) + duration(self.overlap) + (has(self.renewBefore) ? duration('0s') : duration(self.overlap) + duration(self.overlap)) < (has(self.duration) ? duration(self.duration) : duration('8760h'))",fieldPath=".overlap",message="overlap must be less than half of duration, and less than a quarter when renewBefore is left out: shorten overlap or lengthen duration"
type CASpec struct {
	// Duration that an authority is valid. Default: 8760h.
	//
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}(h|m|s))+$') && duration(self) >= duration('10m')",message="duration must be 10m or more, in h, m and s, such as 8760h"
	Duration *metav1.Duration `json:"duration,omitempty"`

	// RenewBefore is how long before its end an authority is replaced. Default: a
	// quarter of duration, 2160h at most.
	//
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}(h|m|s))+$') && duration(self) >= duration('1m')",message="renewBefore must be 1m or more, in h, m and s, such as 2160h"
	RenewBefore *metav1.Duration `json:"renewBefore,omitempty"`

	// Overlap is how long clients have to read a new ca.crt before servers show a
	// certificate that only the new authority vouches for, and how long the old
	// one stays trusted after that. Clients that keep a copy of ca.crt must read
	// it anew at least so often. 0s gives them no time. Default: 336h, and half of
	// renewBefore at most; with providers CertManager and Secret half of
	// leaf.renewBefore at most, since nobody tells before that an issuer has another root.
	//
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}(h|m|s))+$')",message="overlap must be a duration in h, m and s, such as 336h"
	Overlap *metav1.Duration `json:"overlap,omitempty"`
}

// TLSProvider says where certificates come from.
//
// +kubebuilder:validation:Enum=Operator;CertManager;Secret;Disabled
type TLSProvider string

// TLS providers.
const (
	TLSOperator    TLSProvider = "Operator"
	TLSCertManager TLSProvider = "CertManager"
	TLSSecret      TLSProvider = "Secret"
	TLSDisabled    TLSProvider = "Disabled"
)

// CertManagerSpec says how cert-manager issues the certificate that clients meet.
type CertManagerSpec struct {
	// IssuerRef names the issuer. It may be changed while clients work.
	//
	// +required
	IssuerRef IssuerReference `json:"issuerRef"`
}

// OwnCertificateSpec says where the certificate is that clients meet, and whom
// they have to trust for it.
type OwnCertificateSpec struct {
	// Name of a Secret of type kubernetes.io/tls in the FlightCluster's namespace.
	// Its certificate must be good for <cluster>.<namespace>.svc, where clients are
	// sent, and for dnsNames; intermediates follow it. A change is noticed at once
	// when the Secret bears the label flight-operator.io/cluster with the cluster's
	// name, and within about a minute otherwise.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// CABundle has the roots that vouch for the certificate. The operator publishes
	// them to clients, and shows a certificate when clients had time to read the
	// root that vouches for it: put a new root there before the certificate.
	//
	// +required
	CABundle CASource `json:"caBundle"`
}

// IssuerReference names an issuer of cert-manager, or of one of its extensions.
type IssuerReference struct {
	// Name of the issuer.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Kind of the issuer: Issuer, of the FlightCluster's namespace, ClusterIssuer,
	// or a kind of another group. Default: Issuer.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`

	// Group of the issuer's kind. Default: cert-manager.io.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`
}

// AuthSpec says who may do what. Without anybody in it, and with anonymous None,
// nobody may do anything.
type AuthSpec struct {
	// Anonymous is the role of a caller without credentials. Default: None.
	//
	// +optional
	Anonymous AnonymousRole `json:"anonymous,omitempty"`

	// AllowPlaintext accepts that tokens and passwords cross the network unprotected when
	// tls.provider is Disabled.
	//
	// +optional
	AllowPlaintext bool `json:"allowPlaintext,omitempty"`

	// Tokens are bearer tokens. The operator makes each and writes it, with what
	// a client needs to connect, into a Secret.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:XValidation:rule="self.all(t, !has(t.secretName) || self.exists_one(u, has(u.secretName) && u.secretName == t.secretName))",message="tokens must not share a secretName: give each token a Secret of its own"
	Tokens []TokenSpec `json:"tokens,omitempty"`

	// Users log in with a name and a password.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Users []UserSpec `json:"users,omitempty"`

	// ClientCertificates give roles to those who show a certificate, which
	// tls.clientAuth asks for. A call that brings a token or a password as well is
	// judged by that alone.
	//
	// +optional
	// +listType=map
	// +listMapKey=commonName
	// +kubebuilder:validation:MaxItems=100
	ClientCertificates []ClientCertificateSpec `json:"clientCertificates,omitempty"`

	// ServiceAccounts lets pods call with tokens of their ServiceAccounts, so that
	// nobody hands them a secret. The servers get the right to ask the API server
	// whose a token is, and no other.
	//
	// +optional
	ServiceAccounts *ServiceAccountsSpec `json:"serviceAccounts,omitempty"`
}

// ServiceAccountsSpec says which ServiceAccounts may do what.
type ServiceAccountsSpec struct {
	// Audience that tokens must be made for: in pods by a projected volume, by hand
	// with kubectl create token --audience. A token for another audience is
	// refused. Default: <cluster>.<namespace>.svc.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[!-~]+$')",message="audience must be text without spaces, such as flight.example.com; leave it out for <cluster>.<namespace>.svc"
	Audience string `json:"audience,omitempty"`

	// Bindings give roles to ServiceAccounts. One that has none is refused.
	//
	// +required
	// +listType=map
	// +listMapKey=namespace
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	Bindings []ServiceAccountBinding `json:"bindings"`
}

// ServiceAccountBinding gives a role to one ServiceAccount.
type ServiceAccountBinding struct {
	// Namespace of the ServiceAccount.
	//
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="namespace must be lower-case letters, digits and '-', beginning and ending with a letter or digit"
	Namespace string `json:"namespace"`

	// Name of the ServiceAccount.
	//
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be the name of a ServiceAccount: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
	Name string `json:"name"`

	// Role is what the ServiceAccount may do with every dataset of the cluster.
	//
	// +required
	Role Role `json:"role"`
}

// AnonymousRole is the role of a caller without credentials.
//
// +kubebuilder:validation:Enum=None;Reader;Writer;Admin
type AnonymousRole string

// AnonymousNone refuses callers without credentials.
const AnonymousNone AnonymousRole = "None"

// Role is what a credential may do: a Reader lists, describes and reads; a
// Writer also creates, replaces, appends and drops; an Admin does everything.
//
// +kubebuilder:validation:Enum=Reader;Writer;Admin
type Role string

// ClientCertificateSpec gives a role to the holders of a certificate.
type ClientCertificateSpec struct {
	// CommonName of the certificate's subject.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="bytes(self).size() <= 253 && self.matches('^[^\\\\pC\\\\pZ]([^\\\\pC]*[^\\\\pC\\\\pZ])?$')",message="commonName must be at most 253 bytes, without control characters, and without spaces at its ends: correct it"
	CommonName string `json:"commonName"`

	// Role is what the certificate permits on every dataset of the cluster.
	//
	// +required
	Role Role `json:"role"`
}

// UserSpec is somebody who logs in with a password.
type UserSpec struct {
	// Name that the user logs in with.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-zA-Z0-9]([-._@a-zA-Z0-9]*[a-zA-Z0-9])?$')",message="name must be letters, digits, '-', '.', '_' and '@', beginning and ending with a letter or digit"
	Name string `json:"name"`

	// Role is what the user may do with every dataset of the cluster.
	//
	// +required
	Role Role `json:"role"`

	// SecretRef names a Secret of type kubernetes.io/basic-auth that holds the
	// password. Its username, where it has one, must be name. A change is noticed
	// at once when the Secret bears the label flight-operator.io/cluster with the
	// cluster's name, and within about a minute otherwise.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}

// SecretReference names a Secret of the FlightCluster's namespace.
type SecretReference struct {
	// Name of the Secret.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// TokenSpec is one bearer token.
type TokenSpec struct {
	// Name of the identity, as the servers' logs show it.
	//
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="name must be lower-case letters, digits and '-', beginning and ending with a letter or digit"
	Name string `json:"name"`

	// Role is what the token permits on every dataset of the cluster.
	//
	// +required
	Role Role `json:"role"`

	// SecretName is the Secret that the operator writes: token, uri and, with
	// TLS, ca.crt. Default: <cluster>-token-<name>.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')",message="secretName must be the name of a Secret: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit; leave it out for <cluster>-token-<name>"
	SecretName string `json:"secretName,omitempty"`

	// Rotation replaces the token at intervals; {} does so with the defaults.
	// Without it the token stays until the annotation
	// flight-operator.io/rotate-token or flight-operator.io/revoke-token of the
	// FlightCluster names it.
	//
	// +optional
	Rotation *TokenRotation `json:"rotation,omitempty"`
}

// TokenRotation says how often a token is replaced, and how long the former one
// is accepted beside it.
//
// +kubebuilder:validation:XValidation:rule="(has(self.overlap) ? duration(self.overlap) : duration('24h')) < (has(self.interval) ? duration(self.interval) : duration('720h'))",fieldPath=".overlap",message="overlap (24h when it is left out) must be less than interval (720h when it is left out): shorten overlap or lengthen interval"
type TokenRotation struct {
	// Interval after which the Secret gets another token. Default: 720h.
	//
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}(h|m|s))+$') && duration(self) >= duration('2m')",message="interval must be 2m or more, in h, m and s, such as 720h"
	Interval *metav1.Duration `json:"interval,omitempty"`

	// Overlap is how long, at least, the former token is accepted after the Secret
	// holds the next one. Whoever uses the token must read its Secret anew at
	// least so often. Default: 24h.
	//
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}(h|m|s))+$') && duration(self) >= duration('1m')",message="overlap must be 1m or more, in h, m and s, such as 24h"
	Overlap *metav1.Duration `json:"overlap,omitempty"`
}

// FlightClusterStatus is what the operator saw last. Numbers have a default,
// so that kubectl shows 0 and not nothing.
type FlightClusterStatus struct {
	// ObservedGeneration is the generation of the spec that the status tells of.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Replicas is the number of servers there are.
	//
	// +optional
	// +default=0
	Replicas int32 `json:"replicas"`
	// ReadyReplicas is the number of servers that serve clients.
	//
	// +optional
	// +default=0
	ReadyReplicas int32 `json:"readyReplicas"`
	// Selector finds the servers' pods, for autoscalers.
	//
	// +optional
	Selector string `json:"selector,omitempty"`
	// Version is the release that the servers say they are.
	//
	// +optional
	Version string `json:"version,omitempty"`
	// PKI tells of the certificate that clients meet, and of whom they trust.
	//
	// +optional
	PKI *PKIStatus `json:"pki,omitempty"`
	// Members are the servers.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	Members []MemberStatus `json:"members,omitempty"`
	// Conditions tell how far the cluster is from its spec.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// PKIStatus tells of the certificate that clients meet, and of whom they trust.
type PKIStatus struct {
	// Phase tells how far the replacement of the authority is.
	//
	// +optional
	Phase PKIPhase `json:"phase,omitempty"`
	// ActiveCA is the SHA-256 fingerprint of the authority's certificate.
	//
	// +optional
	ActiveCA string `json:"activeCA,omitempty"`
	// PendingCA is that of the authority which will replace it.
	//
	// +optional
	PendingCA string `json:"pendingCA,omitempty"`
	// NotAfter is when the servers' certificate ends; a new one is issued well
	// before.
	//
	// +optional
	NotAfter *metav1.Time `json:"notAfter,omitempty"`
	// NextRotation is when the operator next issues a certificate anew, be it the
	// servers', its own or the authority's. cert-manager's Certificate tells when
	// that is renewed.
	//
	// +optional
	NextRotation *metav1.Time `json:"nextRotation,omitempty"`
}

// PKIPhase tells how far the replacement of an authority is.
//
// +kubebuilder:validation:Enum=Stable;Trusting;Issuing;Retiring
type PKIPhase string

// Phases of the replacement of an authority.
const (
	// PKIStable: there is one authority, or one whose successor is not due.
	PKIStable PKIPhase = "Stable"
	// PKITrusting: the next authority is published and signs nothing yet.
	PKITrusting PKIPhase = "Trusting"
	// PKIIssuing: the next authority has become the active one, and members take
	// over certificates that it signed.
	PKIIssuing PKIPhase = "Issuing"
	// PKIRetiring: nothing that the old authority signed is in use; it is trusted
	// for ca.overlap more.
	PKIRetiring PKIPhase = "Retiring"
)

// MemberState is what a server does.
//
// +kubebuilder:validation:Enum=Active;Starting;Unreachable;Stopping
type MemberState string

// States of a member.
const (
	// MemberActive serves clients and answers the operator.
	MemberActive MemberState = "Active"
	// MemberStarting has a pod that is not ready.
	MemberStarting MemberState = "Starting"
	// MemberUnreachable has a ready pod that does not answer the operator.
	MemberUnreachable MemberState = "Unreachable"
	// MemberStopping ends its streams.
	MemberStopping MemberState = "Stopping"
)

// MemberStatus is one server.
type MemberStatus struct {
	// Name of the server's pod.
	Name string `json:"name"`
	// State is what the server does.
	State MemberState `json:"state"`
	// TrustRevision names the roots that the server has loaded.
	//
	// +optional
	TrustRevision string `json:"trustRevision,omitempty"`
	// AuthRevision names the credentials that the server has loaded.
	//
	// +optional
	AuthRevision string `json:"authRevision,omitempty"`
	// LeafRevision names the certificate that the server shows to clients.
	//
	// +optional
	LeafRevision string `json:"leafRevision,omitempty"`
	// UsedBytes of the server's volume. It follows in steps of a hundredth of the
	// capacity, so that a busy volume does not keep the API server busy.
	//
	// +optional
	UsedBytes int64 `json:"usedBytes,omitempty"`
	// CapacityBytes of the server's volume.
	//
	// +optional
	CapacityBytes int64 `json:"capacityBytes,omitempty"`
}
