package filewatch

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun(t *testing.T) {
	cases := map[string]struct {
		reason string
		before func(t *testing.T, dir string)
		change func(t *testing.T, dir string)
	}{
		"WrittenInPlace": {
			reason: "an editor may truncate and write",
			before: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "file"), "old") },
			change: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "file"), "new") },
		},
		"RenamedOver": {
			reason: "a careful writer renames a temporary file over the old one",
			before: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "file"), "old") },
			change: func(t *testing.T, dir string) {
				write(t, filepath.Join(dir, "tmp"), "new")
				rename(t, filepath.Join(dir, "tmp"), filepath.Join(dir, "file"))
			},
		},
		"LinkSwapped": {
			reason: "the kubelet renames a link to a new directory over ..data",
			before: func(t *testing.T, dir string) {
				mkdir(t, filepath.Join(dir, "..v1"))
				write(t, filepath.Join(dir, "..v1", "file"), "old")
				symlink(t, "..v1", filepath.Join(dir, "..data"))
				symlink(t, filepath.Join("..data", "file"), filepath.Join(dir, "file"))
			},
			change: func(t *testing.T, dir string) {
				mkdir(t, filepath.Join(dir, "..v2"))
				write(t, filepath.Join(dir, "..v2", "file"), "new")
				symlink(t, "..v2", filepath.Join(dir, "..tmp"))
				rename(t, filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data"))
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tc.before(t, dir)
			ctx, cancel := context.WithCancel(t.Context())
			seen, done := make(chan string, 16), make(chan struct{})
			go func() {
				defer close(done)
				Run(ctx, slog.New(slog.DiscardHandler), []string{filepath.Join(dir, "file")}, func() {
					content, _ := os.ReadFile(filepath.Join(dir, "file"))
					seen <- string(content)
				})
			}()
			defer func() { cancel(); <-done }()

			time.Sleep(50 * time.Millisecond) // the watch starts beside this test
			tc.change(t, dir)
			select {
			case got := <-seen:
				if got != "new" {
					t.Errorf("content = %q, want %q: %s", got, "new", tc.reason)
				}
			case <-time.After(pollInterval / 2):
				t.Errorf("no call before the next poll: %s", tc.reason)
			}
		})
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
