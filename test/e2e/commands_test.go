//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
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

// startProgram runs a command until stop, which sends it SIGTERM, or until the
// test ends. Each line of its standard output is handed over.
func startProgram(t *testing.T, stderr io.Writer, line func(string), args ...string) (stop func()) {
	t.Helper()
	// Not the test's context: who is stopped has something to do yet.
	cmd := exec.CommandContext(context.Background(), args[0], args[1:]...)
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			line(lines.Text())
		}
	})
	stop = sync.OnceFunc(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("%s has ended by itself: %v", args[0], err)
		}
		wait.Wait()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", args[0], err)
		}
	})
	t.Cleanup(stop)
	return stop
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
	complaint := &bytes.Buffer{}
	cmd.Stderr = complaint
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
		ended := cmd.Wait()
		return "", nil, fmt.Errorf("kubectl port-forward says %q, %q: %w", lines.Text(), complaint, errors.Join(lines.Err(), ended))
	}
	go func() {
		for lines.Scan() { // it would block on a full pipe
		}
	}()
	return match[1], func() { _ = cmd.Wait() }, nil // it was killed
}

// annotate asks the operator for something, as a person does.
func annotate(t *testing.T, cr *v1alpha1.FlightCluster, key, value string) {
	t.Helper()
	kubectl(t, cr.Namespace, "annotate", "fc/"+cr.Name, key+"="+value)
}
