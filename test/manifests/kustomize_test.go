package manifests

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/flight-operator/flight-operator/test/env"
)

func TestKustomize(t *testing.T) {
	manifests, err := env.Tool(t, "kustomize", "build", "config/default")
	if err != nil {
		t.Fatal(err)
	}
	expectAccepted(t, env.Decode(t, strings.NewReader(manifests)))
}

func TestSamples(t *testing.T) {
	for _, pattern := range []string{"config/samples/*.yaml", "config/samples/*/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files: %v", pattern, len(files), err)
		}
		for _, file := range files {
			path, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			t.Run(path, func(t *testing.T) {
				all := env.Decode(t, strings.NewReader(read(t, path)))
				for _, object := range all {
					// A sample names no namespace: it goes where kubectl is.
					if got := object.GetNamespace(); got != "" {
						t.Errorf("%s has the namespace %s", id(object), got)
					}
					object.SetNamespace("team-a")
				}
				expectAccepted(t, all)
			})
		}
	}
}
