//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// What hack/soak.sh tells by the environment.
var (
	probeProgram = os.Getenv("E2E_PROBE")                   // built from the folder probe
	python       = os.Getenv("E2E_PYTHON")                  // that has pyarrow
	nodeCommand  = strings.Fields(os.Getenv("E2E_IN_NODE")) // begins a command that runs in a node's network
)

// inNode gives the command of a program that reaches Services as pods do.
func inNode(program string, args ...string) []string {
	return append(append(slices.Clone(nodeCommand), program), args...)
}

// clusterAddress is where the name of a cluster's Service leads inside.
func clusterAddress(t *testing.T, cr *v1alpha1.FlightCluster) string {
	t.Helper()
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: cr.Name}}
	get(t, service)
	return net.JoinHostPort(service.Spec.ClusterIP, fmt.Sprint(settings.PortData))
}

// probe is a client that runs; see the folder probe.
type probe struct {
	client string
	end    func()

	mu     sync.Mutex
	counts probeCounts
}

// probeCounts is a line of a probe.
type probeCounts struct {
	Requests int            `json:"requests"`
	Retried  map[string]int `json:"retried"`
	Failed   map[string]int `json:"failed"`
	Leaves   map[string]int `json:"leaves"`
	Roots    map[string]int `json:"roots"`
}

func startProbe(t *testing.T, name string, command ...string) *probe {
	t.Helper()
	p := &probe{client: name}
	began := make(chan struct{})
	begin := sync.OnceFunc(func() { close(began) })
	p.end = startProgram(t, os.Stderr, func(line string) {
		begin()
		var c probeCounts
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Errorf("%s says %q: %v", name, line, err)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.counts = c
	}, command...)
	select {
	case <-began:
	case <-time.After(patience):
		t.Fatalf("%s does not begin", name)
	}
	return p
}

// stop has the probe end its calls and tell a last time.
func (p *probe) stop(t *testing.T) {
	t.Helper()
	p.end()
	if p.counts.Requests == 0 {
		t.Errorf("%s made no request", p.client)
	}
}
