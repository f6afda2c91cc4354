package resource

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// portDNS is where names are resolved.
const portDNS = 53

// Pods are those of a namespace that have some labels.
type Pods struct {
	Namespace string
	Labels    map[string]string
}

// HasNetworkPolicy tells whether the operator keeps a NetworkPolicy.
func HasNetworkPolicy(cr *v1alpha1.FlightCluster) bool {
	return cr.Spec.NetworkPolicy == nil || cr.Spec.NetworkPolicy.Mode != v1alpha1.NetworkPolicyNone
}

// NetworkPolicy lets in clients to the data port, the operator to the admin
// port, probes and scrapes to the port that has no data, and members to each
// other. Servers themselves call nobody else, but the API server where they
// review tokens.
func NetworkPolicy(d *Desired) *networkingv1ac.NetworkPolicyApplyConfiguration {
	egress := []*networkingv1ac.NetworkPolicyEgressRuleApplyConfiguration{toMembers(d.Cluster), toDNS()}
	if ReviewsTokens(d.Cluster) {
		egress = append(egress, toAPIServer())
	}
	return networkingv1ac.NetworkPolicy(d.Cluster.Name, d.Cluster.Namespace).
		WithLabels(metadata.Labels(d.Cluster)).
		WithOwnerReferences(metadata.Owner(d.Cluster)).
		WithSpec(networkingv1ac.NetworkPolicySpec().
			WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(metadata.Selector(d.Cluster))).
			WithPolicyTypes(networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress).
			WithIngress(fromClients(d.Cluster), fromOperator(d), fromMembers(d.Cluster), fromPods()).
			WithEgress(egress...))
}

// fromClients is everybody where the cluster names nobody.
func fromClients(cr *v1alpha1.FlightCluster) *networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration {
	rule := networkingv1ac.NetworkPolicyIngressRule().WithPorts(tcp(settings.PortData))
	if cr.Spec.NetworkPolicy == nil {
		return rule
	}
	for i := range cr.Spec.NetworkPolicy.ClientsFrom {
		rule = rule.WithFrom(peer(&cr.Spec.NetworkPolicy.ClientsFrom[i]))
	}
	return rule
}

// fromOperator is everybody where the operator runs in no pod that it knows of:
// no selector finds it then, and the port still asks for its certificate.
func fromOperator(d *Desired) *networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration {
	rule := networkingv1ac.NetworkPolicyIngressRule().WithPorts(tcp(settings.PortAdmin))
	if d.OperatorPods.Namespace == "" {
		return rule
	}
	return rule.WithFrom(networkingv1ac.NetworkPolicyPeer().
		WithNamespaceSelector(metav1ac.LabelSelector().WithMatchLabels(map[string]string{corev1.LabelMetadataName: d.OperatorPods.Namespace})).
		WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(d.OperatorPods.Labels)))
}

func fromMembers(cr *v1alpha1.FlightCluster) *networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration {
	return networkingv1ac.NetworkPolicyIngressRule().
		WithFrom(members(cr)).
		WithPorts(tcp(settings.PortData), tcp(settings.PortAdmin))
}

// fromPods lets all pods of all namespaces, and no one outside, ask for health
// and metrics. Kubelets are let in to the pods of their node always.
func fromPods() *networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration {
	return networkingv1ac.NetworkPolicyIngressRule().
		WithFrom(networkingv1ac.NetworkPolicyPeer().WithNamespaceSelector(metav1ac.LabelSelector())).
		WithPorts(tcp(settings.PortOps))
}

func toMembers(cr *v1alpha1.FlightCluster) *networkingv1ac.NetworkPolicyEgressRuleApplyConfiguration {
	return networkingv1ac.NetworkPolicyEgressRule().
		WithTo(members(cr)).
		WithPorts(tcp(settings.PortData), tcp(settings.PortAdmin))
}

// toDNS names no address: a resolver may be a pod, or a process of each node.
func toDNS() *networkingv1ac.NetworkPolicyEgressRuleApplyConfiguration {
	return networkingv1ac.NetworkPolicyEgressRule().
		WithPorts(port(corev1.ProtocolUDP, portDNS), tcp(portDNS))
}

// toAPIServer names no address: what stands behind the Service kubernetes are
// machines of the control plane. Its ports are that of the Service and those that
// API servers commonly listen on, since policies look at the latter.
func toAPIServer() *networkingv1ac.NetworkPolicyEgressRuleApplyConfiguration {
	return networkingv1ac.NetworkPolicyEgressRule().WithPorts(tcp(443), tcp(6443), tcp(8443))
}

func members(cr *v1alpha1.FlightCluster) *networkingv1ac.NetworkPolicyPeerApplyConfiguration {
	return networkingv1ac.NetworkPolicyPeer().
		WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(metadata.Selector(cr)))
}

func tcp(number int32) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return port(corev1.ProtocolTCP, number)
}

func port(protocol corev1.Protocol, number int32) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return networkingv1ac.NetworkPolicyPort().WithProtocol(protocol).WithPort(intstr.FromInt32(number))
}

func peer(p *networkingv1.NetworkPolicyPeer) *networkingv1ac.NetworkPolicyPeerApplyConfiguration {
	out := networkingv1ac.NetworkPolicyPeer()
	if p.IPBlock != nil {
		out = out.WithIPBlock(networkingv1ac.IPBlock().WithCIDR(p.IPBlock.CIDR).WithExcept(p.IPBlock.Except...))
	}
	if p.PodSelector != nil {
		out = out.WithPodSelector(selector(p.PodSelector))
	}
	if p.NamespaceSelector != nil {
		out = out.WithNamespaceSelector(selector(p.NamespaceSelector))
	}
	return out
}

func selector(s *metav1.LabelSelector) *metav1ac.LabelSelectorApplyConfiguration {
	out := metav1ac.LabelSelector()
	if len(s.MatchLabels) > 0 {
		out = out.WithMatchLabels(s.MatchLabels)
	}
	for _, r := range s.MatchExpressions {
		out = out.WithMatchExpressions(metav1ac.LabelSelectorRequirement().
			WithKey(r.Key).WithOperator(r.Operator).WithValues(r.Values...))
	}
	return out
}
