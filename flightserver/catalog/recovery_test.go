package catalog

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// TestRecovery damages a directory as disks, people and crashes do.
func TestRecovery(t *testing.T) {
	for name, tc := range map[string]struct {
		reason  string
		corrupt func(*testing.T, damaged)
		open    string // the error of Open names this; empty: it opens
		read    string // the error of reading names this; empty: the data is whole
		clean   bool   // check finds nothing
	}{
		"nothing":             {corrupt: func(*testing.T, damaged) {}, clean: true},
		"flipped segment":     {corrupt: flip("d/*/s/*/0", 300), read: "message 0: corrupt data: wrong checksum"},
		"flipped last byte":   {reason: "the footer is for other tools", corrupt: flip("d/*/s/*/0", -1)},
		"truncated segment":   {corrupt: truncate("d/*/s/*/0", 100), read: "100 bytes, want"},
		"empty segment":       {corrupt: truncate("d/*/s/*/0", 0), read: "0 bytes, want"},
		"missing segment":     {corrupt: remove("d/*/s/*/0"), read: "not found"},
		"flipped sidecar":     {corrupt: flip("d/*/s/*/0.sum", 20), read: "its checksum is not the manifest's"},
		"truncated sidecar":   {corrupt: truncate("d/*/s/*/0.sum", 5), read: "its checksum is not the manifest's"},
		"missing sidecar":     {corrupt: remove("d/*/s/*/0.sum"), read: "not found"},
		"grown segment":       {reason: "what follows is never read, yet something wrote it", corrupt: grow("d/*/s/*/0")},
		"flipped manifest":    {corrupt: flip("d/*/m/*2", 200), read: "m/00000000000000000002"},
		"flipped first line":  {corrupt: flip("d/*/m/*2", 3), read: "m/00000000000000000002"},
		"truncated manifest":  {corrupt: truncate("d/*/m/*2", 150), read: "m/00000000000000000002"},
		"empty manifest":      {corrupt: truncate("d/*/m/*2", 0), read: "m/00000000000000000002"},
		"huge manifest":       {corrupt: size("d/*/m/*2", 2<<20), read: "m/00000000000000000002"},
		"missing first":       {reason: "version 2 only adds to version 1", corrupt: remove("d/*/m/*1"), read: "the manifests before it are missing"},
		"manifest's number":   {corrupt: copyTo("d/*/m/*2", "00000000000000000003"), read: "it is entry 2"},
		"flipped catalog":     {corrupt: flip("catalog/*1", 100), open: "catalog/00000000000000000001"},
		"truncated catalog":   {corrupt: truncate("catalog/*1", 60), open: "catalog/00000000000000000001"},
		"gap in the catalog":  {corrupt: copyTo("catalog/*1", "00000000000000000003"), open: "catalog/00000000000000000003"},
		"no catalog":          {reason: "every dataset would be taken for an orphan", corrupt: remove("catalog/*"), open: "catalog/00000000000000000000"},
		"cluster entry again": {corrupt: copyTo("catalog/*0", "00000000000000000002"), open: "catalog/00000000000000000002"},
		"half-written entry":  {reason: "a crash before the link", corrupt: stray("tmp/0123"), clean: true},
		"unfinished upload":   {reason: "a crash before the manifest", corrupt: stray("d/*/s/0123456789abcdef0123456789abcdef/0"), clean: true},
		"unnamed dataset":     {reason: "a crash before the catalog's entry", corrupt: stray("d/0123456789abcdef0123456789abcdef/s/x/0"), clean: true},
		"editor's copy":       {corrupt: stray("catalog/00000000000000000001~"), clean: true},
		"lost+found":          {corrupt: stray("d/lost+found/x"), clean: true},
		"copied manifest":     {corrupt: stray("d/*/m/backup"), clean: true},
		"part of the reserve": {corrupt: truncate("RESERVE", 10), clean: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := damaged(t.TempDir())
			o := testOptions(vfs.OS{})
			o.Dir, o.Logger = string(dir), discard
			c := mustOpen(t, o)
			mustPut(t, c, "a", ModeCreate, 1, 2)
			mustPut(t, c, "a", ModeAppend, 3)
			mustClose(t, c)
			tc.corrupt(t, dir)

			problems, err := Check(t.Context(), string(dir))
			if err != nil || (len(problems) == 0) != tc.clean {
				t.Errorf("check found %v, %v", problems, err)
			}
			c, err = Open(t.Context(), o)
			if tc.open != "" {
				wantCorrupt(t, err, tc.open)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer mustClose(t, c)
			numbers, err := newestNumbers(t, c, "a")
			if tc.read != "" {
				wantCorrupt(t, err, tc.read)
				wantUsable(t, c)
				return
			}
			wantNumbers(t, numbers, 1, 2, 3)
			wantGone(t, dir, "tmp/*", "d/*/s/0123456789abcdef0123456789abcdef", "d/0123456789abcdef0123456789abcdef")
		})
	}
}

func newestNumbers(t *testing.T, c *Catalog, name string) ([]int64, error) {
	t.Helper()
	d, err := c.Dataset(name)
	if err != nil {
		return nil, err
	}
	return get(t.Context(), c, d)
}

func wantCorrupt(t *testing.T, err error, text string) {
	t.Helper()
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want %v naming %q", err, ErrCorrupt, text)
	}
}

// wantUsable shows that one damaged dataset leaves the others, and can go.
func wantUsable(t *testing.T, c *Catalog) {
	t.Helper()
	wantNumbers(t, mustGet(t, c, mustPut(t, c, "other", ModeCreate, 7)), 7)
	if err := c.Drop(t.Context(), "a", ""); err != nil {
		t.Errorf("a damaged dataset cannot be dropped: %v", err)
	}
	wantNumbers(t, mustGet(t, c, mustPut(t, c, "a", ModeCreate, 8)), 8)
}

// damaged is a data directory on the disk.
type damaged string

// find gives the one file that a pattern means; several are told apart by the
// first that matches.
func (d damaged) find(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(string(d), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no file %s: %v", pattern, err)
	}
	return files[0]
}

func wantGone(t *testing.T, d damaged, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		if files, _ := filepath.Glob(filepath.Join(string(d), pattern)); len(files) > 0 {
			t.Errorf("%v are still there", files)
		}
	}
}

func edit(pattern string, change func([]byte) []byte) func(*testing.T, damaged) {
	return func(t *testing.T, d damaged) {
		t.Helper()
		name := d.find(t, pattern)
		content, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(name, change(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func flip(pattern string, at int) func(*testing.T, damaged) {
	return edit(pattern, func(b []byte) []byte {
		b[(at+len(b))%len(b)] ^= 0x10
		return b
	})
}

func truncate(pattern string, size int) func(*testing.T, damaged) {
	return edit(pattern, func(b []byte) []byte { return b[:size] })
}

func grow(pattern string) func(*testing.T, damaged) {
	return edit(pattern, func(b []byte) []byte { return append(b, "more"...) })
}

func size(pattern string, size int) func(*testing.T, damaged) {
	return edit(pattern, func([]byte) []byte { return bytes.Repeat([]byte{'x'}, size) })
}

func remove(pattern string) func(*testing.T, damaged) {
	return func(t *testing.T, d damaged) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(string(d), pattern))
		for _, name := range files {
			err = errors.Join(err, os.Remove(name))
		}
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
	}
}

func copyTo(pattern, base string) func(*testing.T, damaged) {
	return func(t *testing.T, d damaged) {
		t.Helper()
		name := d.find(t, pattern)
		content, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(filepath.Dir(name), base), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// stray makes a file that nothing names. The first * is the dataset's id.
func stray(name string) func(*testing.T, damaged) {
	return func(t *testing.T, d damaged) {
		t.Helper()
		if before, after, ok := strings.Cut(name, "*"); ok {
			name = filepath.Join(before, filepath.Base(d.find(t, "d/*")), after)
		}
		name = filepath.Join(string(d), name)
		err := os.MkdirAll(filepath.Dir(name), 0o700)
		if err == nil {
			err = os.WriteFile(name, []byte("half of it"), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
