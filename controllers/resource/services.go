package resource

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Names of ports.
const (
	portData  = "flight"
	portAdmin = "admin"
	portOps   = "ops"
)

// PeersService gives every pod a DNS name. Pods that are not ready have one
// too: the operator asks them why.
func PeersService(cr *v1alpha1.FlightCluster) *corev1ac.ServiceApplyConfiguration {
	return service(cr, metadata.PeersName(cr)).
		WithSpec(corev1ac.ServiceSpec().
			WithClusterIP(corev1.ClusterIPNone).
			WithPublishNotReadyAddresses(true).
			WithSelector(metadata.Selector(cr)).
			WithPorts(
				servicePort(portData, settings.PortData),
				servicePort(portAdmin, settings.PortAdmin),
			))
}

// ClientService is where clients connect.
func ClientService(cr *v1alpha1.FlightCluster) *corev1ac.ServiceApplyConfiguration {
	return service(cr, cr.Name).
		WithSpec(corev1ac.ServiceSpec().
			WithType(corev1.ServiceTypeClusterIP).
			WithSelector(metadata.Selector(cr)).
			WithPorts(servicePort(portData, settings.PortData)))
}

func service(cr *v1alpha1.FlightCluster, name string) *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(name, cr.Namespace).
		WithLabels(metadata.Labels(cr)).
		WithOwnerReferences(metadata.Owner(cr))
}

func servicePort(name string, port int32) *corev1ac.ServicePortApplyConfiguration {
	return corev1ac.ServicePort().
		WithName(name).
		WithProtocol(corev1.ProtocolTCP).
		WithPort(port).
		WithTargetPort(intstr.FromString(name))
}
