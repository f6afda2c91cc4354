package server

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryMetricIsDocumented holds docs/operations.md and the source to one
// list.
func TestEveryMetricIsDocumented(t *testing.T) {
	sources, err := filepath.Glob("../*/metrics.go")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no source: %v", err)
	}
	exported := namesIn(t, regexp.MustCompile(`"(flightserver_[a-z_]+)"`), sources...)
	documented := namesIn(t, regexp.MustCompile("`(flightserver_[a-z_]+)`"), "../../docs/operations.md")
	if diff := cmp.Diff(exported, documented); diff != "" {
		t.Errorf("docs/operations.md (+) and the source (-) differ:\n%s", diff)
	}
}

func namesIn(t *testing.T, pattern *regexp.Regexp, files ...string) []string {
	t.Helper()
	var names []string
	for _, file := range files {
		content := must[[]byte](t)(os.ReadFile(file))
		for _, match := range pattern.FindAllSubmatch(content, -1) {
			names = append(names, string(match[1]))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
