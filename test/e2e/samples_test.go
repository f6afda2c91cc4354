//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// columns gives the head and the cells of a table that kubectl printed, by the
// first cell of each row.
func columns(t *testing.T, table string) (head []string, rows map[string][]string) {
	t.Helper()
	rows = map[string][]string{}
	for i, line := range strings.Split(strings.TrimSpace(table), "\n") {
		cells := splitColumns(line)
		if i == 0 {
			head = cells
			continue
		}
		rows[cells[0]] = cells[1:]
	}
	return head, rows
}

// splitColumns splits at two spaces: a cell may hold single ones.
func splitColumns(line string) []string {
	var cells []string
	for cell := range strings.SplitSeq(line, "  ") {
		if cell = strings.TrimSpace(cell); cell != "" {
			cells = append(cells, cell)
		}
	}
	return cells
}

func TestSamples(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	kubectl(t, namespace, "apply", "-f", "config/samples")
	kubectl(t, namespace, "wait", "--for=condition=Ready", "--timeout=3m", "flightcluster", "--all")
	kubectl(t, namespace, "wait", "--for=condition=Ready", "--timeout=1m", "flightdataset", "--all")
	run(t, kubectlFlight, "--namespace", namespace, "--cluster", "flights", "put", sampleFile("airlines"), "--path", "nyc/airlines")
	kubectl(t, namespace, "wait", "--for=jsonpath={.status.rows}=16", "--timeout=2m", "fds/airlines")

	t.Run("columns of clusters", func(t *testing.T) {
		t.Parallel()
		head, rows := columns(t, kubectl(t, namespace, "get", "fc"))
		if diff := cmp.Diff([]string{"NAME", "READY", "REPLICAS", "VERSION", "MESSAGE", "AGE"}, head); diff != "" {
			t.Errorf("head (-want +got):\n%s", diff)
		}
		want := []string{"True", "1", strings.TrimSpace(run(t, "cat", "VERSION")), "1 of 1 members serve"}
		if diff := cmp.Diff(want, rows["flights"][:len(want)]); diff != "" {
			t.Errorf("row (-want +got):\n%s", diff)
		}
	})
	t.Run("columns of datasets", func(t *testing.T) {
		t.Parallel()
		head, rows := columns(t, kubectl(t, namespace, "get", "fds"))
		if diff := cmp.Diff([]string{"NAME", "READY", "CLUSTER", "ROWS", "BYTES", "MESSAGE", "AGE"}, head); diff != "" {
			t.Errorf("head (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"True", "flights", "16"}, rows["airlines"][:3]); diff != "" {
			t.Errorf("row (-want +got):\n%s", diff)
		}
	})
	t.Run("category", func(t *testing.T) {
		t.Parallel()
		out := kubectl(t, namespace, "get", "flight", "-o", "name")
		for _, name := range []string{"flightcluster.flight-operator.io/flights", "flightdataset.flight-operator.io/weather"} {
			if !strings.Contains(out, name) {
				t.Errorf("kubectl get flight does not show %s", name)
			}
		}
	})
}

func TestPlaintextSample(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	kubectl(t, namespace, "apply", "-f", "config/samples/plaintext")
	kubectl(t, namespace, "wait", "--for=condition=Ready", "--timeout=3m", "fc/scratch")
	run(t, kubectlFlight, "--namespace", namespace, "--cluster", "scratch", "put", sampleFile("planes"))
	if out := run(t, kubectlFlight, "--namespace", namespace, "--cluster", "scratch", "ls", "-o", "name"); out != "planes\n" {
		t.Errorf("kubectl flight ls says %q, want planes", out)
	}
}
