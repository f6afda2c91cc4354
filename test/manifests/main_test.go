package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/test/env"
)

const root = "../.."

var environment *env.Environment

func TestMain(m *testing.M) { os.Exit(env.Run(m, &environment)) }

// tool runs a tool of hack/tools in the root of the repository.
func tool(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	binary, err := exec.CommandContext(t.Context(), filepath.Join(root, "hack/tools/bin.sh"), name).Output()
	if err != nil {
		t.Fatalf("finding %s: %v", name, err)
	}
	cmd := exec.CommandContext(t.Context(), strings.TrimSpace(string(binary)), args...)
	cmd.Dir = root
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// objects decodes a stream of YAML documents.
func objects(t *testing.T, manifests io.Reader) []*unstructured.Unstructured {
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

// expectAccepted fails the test for each object that the API server refuses; a
// field that it does not know is refused. Nothing is stored but the namespaces
// that the objects are in.
func expectAccepted(t *testing.T, all []*unstructured.Unstructured) {
	t.Helper()
	if len(all) == 0 {
		t.Fatal("there are no objects to accept")
	}
	for _, object := range all {
		ensureNamespace(t, object.GetNamespace())
		err := environment.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object),
			client.FieldOwner("test"), client.ForceOwnership, client.DryRunAll)
		if err != nil {
			t.Errorf("%s: %v", id(object), err)
		}
	}
}

func ensureNamespace(t *testing.T, name string) {
	t.Helper()
	if name == "" {
		return
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := environment.Client.Create(t.Context(), ns); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// id names an object as Kind/namespace/name, or Kind/name.
func id(object *unstructured.Unstructured) string {
	return strings.ReplaceAll(strings.Join([]string{object.GetKind(), object.GetNamespace(), object.GetName()}, "/"), "//", "/")
}
