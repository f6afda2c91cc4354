//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// command runs a program in the repository and gives its standard output. Its
// error has what the program said.
func command(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = repository
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := command(t.Context(), name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func kubectl(t *testing.T, namespace string, args ...string) string {
	t.Helper()
	return run(t, "kubectl", append([]string{"--namespace", namespace}, args...)...)
}

// flight runs kubectl flight against a cluster.
func flight(t *testing.T, cr *v1alpha1.FlightCluster, args ...string) string {
	t.Helper()
	out, err := tryFlight(t, cr, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryFlight(t *testing.T, cr *v1alpha1.FlightCluster, args ...string) (string, error) {
	t.Helper()
	return command(t.Context(), kubectlFlight, append([]string{"--namespace", cr.Namespace, "--cluster", cr.Name, "--quiet"}, args...)...)
}

var forwarding = regexp.MustCompile(`^Forwarding from (127\.0\.0\.1:\d+) `)

// forward opens a way to a Service's port for as long as the test runs, and
// gives its address.
func forward(t *testing.T, namespace, service string, port int) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	address, wait, err := tryForward(ctx, namespace, service, port)
	if err != nil {
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		wait()
	})
	return address
}

// tryForward forwards until ctx is done; wait returns after that.
func tryForward(ctx context.Context, namespace, service string, port int) (address string, wait func(), err error) {
	cmd := exec.CommandContext(ctx, "kubectl", "--namespace", namespace, "port-forward", "--address", "127.0.0.1", "service/"+service, fmt.Sprintf(":%d", port))
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	match := forwarding.FindStringSubmatch(lines.Text())
	if match == nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return "", nil, fmt.Errorf("kubectl port-forward says %q: %w", lines.Text(), lines.Err())
	}
	go func() {
		for lines.Scan() { // it would block on a full pipe
		}
	}()
	return match[1], func() { _ = cmd.Wait() }, nil // it was killed
}
