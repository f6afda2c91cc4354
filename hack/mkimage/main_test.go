package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// entries reads a tar: names with type, mode and content or link target.
func entries(t *testing.T, r io.Reader) (names []string, contents map[string][]byte) {
	t.Helper()
	contents = map[string][]byte{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return names, contents
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.FileInfo().Mode().String()+" "+h.Name)
		if contents[h.Name], err = io.ReadAll(tr); err != nil {
			t.Fatal(err)
		}
		if h.Linkname != "" {
			contents[h.Name] = []byte(h.Linkname)
		}
	}
}

func program(t *testing.T, mode os.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "app")
	if err := os.WriteFile(name, []byte("program"), mode); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestLayer(t *testing.T) {
	got, err := layerOf([]string{"/tmp:1777"}, []string{program(t, 0o700) + "=/usr/bin/app", "->app=/usr/bin/alias"})
	if err != nil {
		t.Fatal(err)
	}
	names, contents := entries(t, bytes.NewReader(got))
	want := []string{
		"dtrwxrwxrwx tmp/",
		"drwxr-xr-x usr/",
		"drwxr-xr-x usr/bin/",
		"-rwxr-xr-x usr/bin/app", // not the 0700 of the source: that is the builder's umask
		"Lrwxrwxrwx usr/bin/alias",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if string(contents["usr/bin/alias"]) != "app" {
		t.Errorf("link leads to %q, want app", contents["usr/bin/alias"])
	}
}

func TestArchive(t *testing.T) {
	write := func() []byte {
		out := filepath.Join(t.TempDir(), "out.tar")
		args := []string{"-o", out, "-t", "example.test/app:1", "-entrypoint", "/app", "-user", "65532:65532", "-arch", "arm64", program(t, 0o755) + "=/app"}
		if err := run(args); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := write()
	if !bytes.Equal(first, write()) {
		t.Error("equal input gave another archive")
	}

	_, contents := entries(t, bytes.NewReader(first))
	var list []manifest
	if err := json.Unmarshal(contents["manifest.json"], &list); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"example.test/app:1"}, list[0].RepoTags); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	var conf config
	if err := json.Unmarshal(contents[list[0].Config], &conf); err != nil {
		t.Fatal(err)
	}
	if conf.Architecture != "arm64" || conf.Config.User != "65532:65532" || conf.Config.Entrypoint[0] != "/app" {
		t.Errorf("configuration is %+v", conf)
	}
	if want := "sha256:" + sum(contents[list[0].Layers[0]]); conf.RootFS.DiffIDs[0] != want {
		t.Errorf("the layer is %s, the configuration says %s", want, conf.RootFS.DiffIDs[0])
	}
}

func TestBadArguments(t *testing.T) {
	for name, tc := range map[string]struct {
		args   []string
		reason string
	}{
		"no name":       {[]string{"-o", "x"}, "(-t)"},
		"relative path": {[]string{"-o", "x", "-t", "a:1", "app=app"}, "FILE=/path"},
		"bad mode":      {[]string{"-o", "x", "-t", "a:1", "-dir", "/tmp:rwx"}, "octal"},
		"missing file":  {[]string{"-o", "x", "-t", "a:1", "nowhere=/app"}, "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(tc.args); err == nil || !strings.Contains(err.Error(), tc.reason) {
				t.Errorf("got %v, want an error with %q", err, tc.reason)
			}
		})
	}
}
