package v1alpha1

import networkingv1 "k8s.io/api/networking/v1"

// NetworkPolicySpec says who may open connections to the servers.
//
// +kubebuilder:validation:XValidation:rule="!has(self.mode) || self.mode != 'None' || !has(self.clientsFrom) || self.clientsFrom.size() == 0",fieldPath=".clientsFrom",message="clientsFrom says whom the NetworkPolicy lets in, and with mode None there is none: remove clientsFrom or set mode to Managed"
type NetworkPolicySpec struct {
	// Mode says whether the operator keeps a NetworkPolicy for the servers. It
	// takes a network plugin that enforces them. Default: Managed.
	//
	// +optional
	Mode NetworkPolicyMode `json:"mode,omitempty"`

	// ClientsFrom lists from where clients may reach the data port: pods of this
	// namespace, pods of others, or addresses. Without any, from anywhere.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:XValidation:rule="self.all(p, has(p.ipBlock) != (has(p.podSelector) || has(p.namespaceSelector)))",message="each of clientsFrom must have an ipBlock, or else a podSelector, a namespaceSelector or both: write two entries to let in two kinds"
	ClientsFrom []networkingv1.NetworkPolicyPeer `json:"clientsFrom,omitempty"`
}

// NetworkPolicyMode says whose the NetworkPolicy of the servers is.
//
// +kubebuilder:validation:Enum=Managed;None
type NetworkPolicyMode string

// Modes of a NetworkPolicy.
const (
	// NetworkPolicyManaged: the operator keeps one.
	NetworkPolicyManaged NetworkPolicyMode = "Managed"
	// NetworkPolicyNone: the operator makes none, and removes its own.
	NetworkPolicyNone NetworkPolicyMode = "None"
)
