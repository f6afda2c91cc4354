package resource

import (
	"path"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

const (
	// serverUser owns the data. It is the nonroot user of common base images.
	serverUser = 65532
	// stopMargin is what a server needs beside drainTimeout to close its store.
	stopMargin = 30 * time.Second

	serverContainer   = "flightserver"
	settingsVolume    = "settings"
	credentialsVolume = "auth"
	tlsVolume         = "tls"
	signingVolume     = "signing"
	kubernetesVolume  = "kubernetes"
)

func podTemplate(d *Desired) *corev1ac.PodTemplateSpecApplyConfiguration {
	return corev1ac.PodTemplateSpec().
		WithLabels(metadata.Labels(d.Cluster)).
		WithAnnotations(map[string]string{metadata.AnnotationSettings: settings.Revision(d.Settings)}).
		WithSpec(corev1ac.PodSpec().
			WithServiceAccountName(d.Cluster.Name).
			WithAutomountServiceAccountToken(false).
			WithEnableServiceLinks(false).
			WithTerminationGracePeriodSeconds(int64((drainDelay + drainTimeout + stopMargin).Seconds())).
			WithSecurityContext(podSecurity()).
			WithContainers(container(d)).
			WithVolumes(volumes(d)...))
}

// podSecurity and containerSecurity satisfy the restricted Pod Security
// Standard. A large volume's files change their group only when the root does:
// otherwise each start would walk through all of them.
func podSecurity() *corev1ac.PodSecurityContextApplyConfiguration {
	return corev1ac.PodSecurityContext().
		WithRunAsNonRoot(true).
		WithRunAsUser(serverUser).
		WithRunAsGroup(serverUser).
		WithFSGroup(serverUser).
		WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
		WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))
}

func containerSecurity() *corev1ac.SecurityContextApplyConfiguration {
	return corev1ac.SecurityContext().
		WithAllowPrivilegeEscalation(false).
		WithReadOnlyRootFilesystem(true).
		WithCapabilities(corev1ac.Capabilities().WithDrop("ALL"))
}

func container(d *Desired) *corev1ac.ContainerApplyConfiguration {
	c := corev1ac.Container().
		WithName(serverContainer).
		WithImage(d.Image).
		WithArgs("serve", "--config", path.Join(settings.PodSettingsDir, settings.SettingsFile)).
		WithPorts(
			containerPort(portData, settings.PortData),
			containerPort(portAdmin, settings.PortAdmin),
			containerPort(portOps, settings.PortOps),
		).
		WithStartupProbe(startupProbe()).
		WithReadinessProbe(probe("/readyz", 5*time.Second)).
		WithLivenessProbe(probe("/healthz", 10*time.Second)).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError). // status repeats it
		WithSecurityContext(containerSecurity()).
		WithVolumeMounts(
			corev1ac.VolumeMount().WithName(dataVolume).WithMountPath(settings.PodDataDir),
			readOnlyMount(settingsVolume, settings.PodSettingsDir),
			readOnlyMount(credentialsVolume, settings.PodCredentials),
			readOnlyMount(tlsVolume, settings.PodServerTLSDir),
			readOnlyMount(signingVolume, settings.PodSigningDir),
		)
	if ReviewsTokens(d.Cluster) {
		c = c.WithVolumeMounts(readOnlyMount(kubernetesVolume, kubernetesDir))
	}
	if r := resources(d); r != nil {
		c = c.WithResources(r)
	}
	return c
}

func resources(d *Desired) *corev1ac.ResourceRequirementsApplyConfiguration {
	asked := d.Cluster.Spec.Resources
	if len(asked.Requests) == 0 && len(asked.Limits) == 0 {
		return nil
	}
	r := corev1ac.ResourceRequirements()
	if len(asked.Requests) > 0 {
		r = r.WithRequests(asked.Requests)
	}
	if len(asked.Limits) > 0 {
		r = r.WithLimits(asked.Limits)
	}
	return r
}

// startupProbe gives a server ten minutes to check what a crash left in a large
// volume before the liveness probe may restart it.
func startupProbe() *corev1ac.ProbeApplyConfiguration {
	return probe("/healthz", 2*time.Second).WithFailureThreshold(300)
}

func probe(url string, period time.Duration) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().
		WithHTTPGet(corev1ac.HTTPGetAction().WithPath(url).WithPort(intstr.FromString(portOps))).
		WithPeriodSeconds(int32(period.Seconds())).
		WithTimeoutSeconds(5)
}

func containerPort(name string, port int32) *corev1ac.ContainerPortApplyConfiguration {
	return corev1ac.ContainerPort().WithName(name).WithContainerPort(port).WithProtocol(corev1.ProtocolTCP)
}

func readOnlyMount(volume, dir string) *corev1ac.VolumeMountApplyConfiguration {
	return corev1ac.VolumeMount().WithName(volume).WithMountPath(dir).WithReadOnly(true)
}

func volumes(d *Desired) []*corev1ac.VolumeApplyConfiguration {
	volumes := []*corev1ac.VolumeApplyConfiguration{
		corev1ac.Volume().WithName(settingsVolume).
			WithConfigMap(corev1ac.ConfigMapVolumeSource().WithName(metadata.SettingsName(d.Cluster))),
		secretVolume(credentialsVolume, metadata.AuthName(d.Cluster)),
		secretVolume(tlsVolume, metadata.ServerTLSName(d.Cluster)),
		secretVolume(signingVolume, metadata.SigningKeysName(d.Cluster)),
	}
	if ReviewsTokens(d.Cluster) {
		volumes = append(volumes, apiServerVolume())
	}
	return volumes
}

// secretVolume is readable by the server's group only, which fsGroup makes its
// own.
func secretVolume(name, secret string) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(name).
		WithSecret(corev1ac.SecretVolumeSource().WithSecretName(secret).WithDefaultMode(0o440))
}
