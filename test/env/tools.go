package env

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Chart is the Helm chart's folder in the repository.
const Chart = "charts/flight-operator"

// Tool runs a tool of hack/tools in the root of the repository.
func Tool(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	binary, err := exec.CommandContext(t.Context(), filepath.Join(root(), "hack/tools/bin.sh"), name).Output()
	if err != nil {
		t.Fatalf("finding %s: %v", name, err)
	}
	cmd := exec.CommandContext(t.Context(), strings.TrimSpace(string(binary)), args...)
	cmd.Dir = root()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// RenderChart renders the chart as release "flights" of a namespace. Values are
// in the form of Helm's --set-json.
func RenderChart(t *testing.T, namespace string, values ...string) ([]*unstructured.Unstructured, error) {
	t.Helper()
	args := []string{"template", "flights", Chart, "--namespace", namespace}
	for _, v := range values {
		args = append(args, "--set-json", v)
	}
	manifests, err := Tool(t, "helm", args...)
	if err != nil {
		return nil, err
	}
	return Decode(t, strings.NewReader(manifests)), nil
}

// Decode reads a stream of YAML documents.
func Decode(t *testing.T, manifests io.Reader) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(manifests, 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if len(object.Object) > 0 { // a file may begin with a comment and "---"
			all = append(all, object)
		}
	}
}
