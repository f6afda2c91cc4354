//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
)

var (
	soakTime     = flag.Duration("soak", 0, "how long TestSoak goes on at least; 0: it does not run")
	soakProvider = flag.String("provider", string(v1alpha1.TLSOperator), "where TestSoak's certificates come from")
)

const (
	soakClusters = 3
	// soakRotations is how often each cluster's tokens are rotated in half an hour.
	soakRotations = 10
	// soakSettled is how long clients go on after the last change.
	soakSettled = 30 * time.Second
)

// authority makes the certificates of a soak's cluster.
type authority interface {
	// prepare makes what the cluster's certificates need, and asks for them.
	prepare(t *testing.T, cr *v1alpha1.FlightCluster)
	// replacements each end with clients that trust another root alone.
	replacements() []func(t *testing.T, cr *v1alpha1.FlightCluster)
}

// TestSoak replaces certificates, authorities and tokens of three clusters while
// stock clients read and write. They notice nothing, and no server restarts.
func TestSoak(t *testing.T) {
	if *soakTime == 0 {
		t.Skip("make test-soak runs it")
	}
	ca := soakAuthority(t)
	operators := restartsOf(t, operatorNamespace)
	report := &soakReport{}
	t.Run("clusters", func(t *testing.T) {
		for i := range soakClusters {
			name := string(rune('a' + i))
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newSoak(t, name, ca)
				report.add(s) // what there is of it when it ends early
				s.run(t)
			})
		}
	})
	report.print(t)
	if diff := cmp.Diff(operators, restartsOf(t, operatorNamespace)); diff != "" {
		t.Errorf("the operator was restarted or replaced (-before +after):\n%s", diff)
	}
}

// soak is one cluster with what its clients see of it.
type soak struct {
	name   string
	cr     *v1alpha1.FlightCluster
	ca     authority
	mount  *mount
	probes []*probe
	began  map[string]int32 // restarts by pod
	ended  map[string]int32
}

func newSoak(t *testing.T, name string, ca authority) *soak {
	t.Helper()
	cr := newCluster(newNamespace(t))
	cr.Spec.Auth.Tokens[1].Rotation = &v1alpha1.TokenRotation{Interval: lasting(2 * time.Minute), Overlap: lasting(time.Minute)}
	ca.prepare(t, cr)
	cr.Spec.TLS.MaxConnectionAge = lasting(20 * time.Second)
	create(t, cr)
	s := &soak{name: name, cr: cr, ca: ca, began: restartsOf(t, cr.Namespace)}
	s.mount = startMount(t, cr)
	address := clusterAddress(t, cr)
	s.probes = []*probe{
		startProbe(t, "arrow-go", inNode(probeProgram, s.mount.folder, address)...),
		startProbe(t, "pyarrow", inNode(python, "probe/probe.py", s.mount.folder, address)...),
	}
	return s
}

// run makes all changes, however long they take. Certificates and the second
// token are renewed by themselves meanwhile.
func (s *soak) run(t *testing.T) {
	t.Helper()
	replacements := s.ca.replacements()
	rounds := max(s.rotations()/2, len(replacements)) // the other half of the rotations is due by itself
	end := time.Now().Add(*soakTime)
	every := *soakTime / time.Duration(rounds)
	for i := range rounds {
		next := time.Now().Add(every)
		s.rotateToken(t)
		if i < len(replacements) {
			s.replaceRoot(t, replacements[i])
		}
		time.Sleep(time.Until(next))
	}
	time.Sleep(time.Until(end) + soakSettled)
	for _, p := range s.probes {
		p.stop(t)
	}
	s.ended = restartsOf(t, s.cr.Namespace)
	waitReady(t, s.cr)
	s.judge(t)
}

func (s *soak) rotateToken(t *testing.T) {
	t.Helper()
	before := s.mount.tokens("etl")
	annotate(t, s.cr, metadata.AnnotationRotateToken, "etl")
	eventually(t, s.name+": clients have another token", func() error {
		return atLeast(before+1, func() int { return s.mount.tokens("etl") })
	})
	t.Logf("%s: clients have another token", s.name)
}

func (s *soak) replaceRoot(t *testing.T, replace func(*testing.T, *v1alpha1.FlightCluster)) {
	t.Helper()
	before := s.mount.roots()
	replace(t, s.cr)
	waitCertificates(t, s.name+": clients trust another root alone", func() error {
		if now := s.mount.roots(); len(now) != 1 || slices.Equal(now, before) {
			return fmt.Errorf("ca.crt has %v", now)
		}
		return nil
	})
	t.Logf("%s: clients trust another root alone", s.name)
}

// rotations is how often the tokens should be rotated in all.
func (s *soak) rotations() int { return max(1, int(soakRotations*(*soakTime)/(30*time.Minute))) }

// judge holds what clients saw against what was asked for.
func (s *soak) judge(t *testing.T) {
	t.Helper()
	for _, p := range s.probes {
		if failed := p.counts.Failed; len(failed) != 0 {
			t.Errorf("%s: requests of %s failed: %v", s.name, p.client, failed)
		}
	}
	minutes := int(soakTime.Minutes())
	for what, n := range map[string]struct{ got, want int }{
		"certificates met by clients": {s.met(leaves), minutes},
		"roots that vouched for them": {s.met(roots), 1 + len(s.ca.replacements())},
		"rotations of tokens":         {s.rotated(), s.rotations()},
	} {
		if n.got < n.want {
			t.Errorf("%s: %s: %d, want at least %d", s.name, what, n.got, n.want)
		}
	}
	if diff := cmp.Diff(s.began, s.ended); diff != "" {
		t.Errorf("%s: pods were restarted or replaced (-before +after):\n%s", s.name, diff)
	}
}

// met counts what all handshakes of the cluster's clients showed.
func (s *soak) met(of func(*probe) map[string]int) int {
	all := map[string]bool{}
	for _, p := range s.probes {
		for key := range of(p) {
			all[key] = true
		}
	}
	return len(all)
}

func leaves(p *probe) map[string]int { return p.counts.Leaves }
func roots(p *probe) map[string]int  { return p.counts.Roots }

func (s *soak) rotated() int { return s.mount.tokens("etl") + s.mount.tokens("dashboard") - 2 }

// restartsOf counts by pod, as its UID has it: one that was replaced is another.
func restartsOf(t *testing.T, namespace string) map[string]int32 {
	t.Helper()
	pods := &corev1.PodList{}
	if err := api.List(t.Context(), pods, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	restarts := map[string]int32{}
	for _, p := range pods.Items {
		for _, c := range p.Status.ContainerStatuses {
			restarts[fmt.Sprintf("%s/%s (%s)", p.Name, c.Name, p.UID)] = c.RestartCount
		}
	}
	return restarts
}
