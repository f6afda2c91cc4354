package resource

import (
	"fmt"
	"path"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// drainTimeout bounds the time that streams in flight have when a pod stops.
const drainTimeout = 5 * time.Minute

// drainDelay is what kube-proxies and load balancers need to hear that a pod is
// no longer ready.
const drainDelay = 5 * time.Second

// Settings is what the servers of a cluster are told.
func Settings(cr *v1alpha1.FlightCluster) *settings.ServerSettings {
	s := settings.Default()
	s.DataDir = settings.PodDataDir
	s.Listen = allAddresses(settings.PortData)
	s.AdminListen = allAddresses(settings.PortAdmin)
	s.OpsListen = allAddresses(settings.PortOps)
	s.Advertise = []string{URI(cr)}
	s.AuthFile = path.Join(settings.PodCredentials, settings.CredentialsFile)
	s.SigningKeysFile = path.Join(settings.PodSigningDir, settings.SigningKeysFile)
	// A UID would lock a cluster that is made anew out of the volumes that its
	// predecessor retained.
	s.ClusterUID = cr.Namespace + "/" + cr.Name
	s.DrainTimeout = metav1.Duration{Duration: drainTimeout}
	s.DrainDelay = metav1.Duration{Duration: drainDelay}
	s.LogFormat = settings.LogJSON
	if tls := cr.Spec.TLS; tls != nil && tls.MaxConnectionAge != nil {
		s.Limits.ConnectionAge = *tls.MaxConnectionAge
	}
	s.AdminTLS = serverTLS(settings.AdminCertFile, settings.AdminKeyFile)
	s.AdminTLS.ClientCAFile = path.Join(settings.PodServerTLSDir, settings.CAFile)
	if TLSDisabled(cr) {
		s.Insecure = true
	} else {
		s.TLS = serverTLS(settings.TLSCertFile, settings.TLSKeyFile)
	}
	if asks := ClientAuth(cr); asks != v1alpha1.ClientAuthNone {
		s.TLS.ClientAuth = settings.ClientAuth(asks)
		s.TLS.ClientCAFile = path.Join(settings.PodServerTLSDir, settings.ClientCAFile)
	}
	return s
}

// ClientAuth is what servers ask of clients, never empty.
func ClientAuth(cr *v1alpha1.FlightCluster) v1alpha1.ClientAuth {
	if tls := cr.Spec.TLS; tls != nil && tls.ClientAuth != "" {
		return tls.ClientAuth
	}
	return v1alpha1.ClientAuthNone
}

// TLSDisabled tells whether clients connect in plaintext.
func TLSDisabled(cr *v1alpha1.FlightCluster) bool {
	return cr.Spec.TLS != nil && cr.Spec.TLS.Provider == v1alpha1.TLSDisabled
}

// URI is where clients reach the cluster.
func URI(cr *v1alpha1.FlightCluster) string {
	scheme := "grpc+tls"
	if TLSDisabled(cr) {
		scheme = "grpc+tcp"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, metadata.ServiceHost(cr), settings.PortData)
}

// SettingsConfigMap holds the settings file.
func SettingsConfigMap(d *Desired) *corev1ac.ConfigMapApplyConfiguration {
	return configMap(d.Cluster, metadata.SettingsName(d.Cluster)).
		WithData(map[string]string{settings.SettingsFile: string(d.Settings)})
}

func configMap(cr *v1alpha1.FlightCluster, name string) *corev1ac.ConfigMapApplyConfiguration {
	return corev1ac.ConfigMap(name, cr.Namespace).
		WithLabels(metadata.Labels(cr)).
		WithOwnerReferences(metadata.Owner(cr))
}

func serverTLS(cert, key string) *settings.TLS {
	return &settings.TLS{
		CertFile: path.Join(settings.PodServerTLSDir, cert),
		KeyFile:  path.Join(settings.PodServerTLSDir, key),
	}
}

func allAddresses(port int) string { return fmt.Sprintf(":%d", port) }
