package audit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// linesOf gives the ids of a file's records.
func linesOf(t *testing.T, path string) (ids []string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		var r Record
		if err := json.Unmarshal([]byte(line), &r); err != nil || !strings.HasSuffix(line, "\n") {
			t.Fatalf("%q: %v", line, err)
		}
		ids = append(ids, r.ID)
	}
	return ids
}

func open(t *testing.T, path string) *Log {
	t.Helper()
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func write(t *testing.T, l *Log, r Record) {
	t.Helper()
	if err := l.Write(r); err != nil {
		t.Error(err)
	}
}

// A file that is moved away or removed is followed by another; what a server
// before wrote stays.
func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	write(t, open(t, path), Record{ID: "0"})
	l := open(t, path)
	write(t, l, Record{ID: "1"})
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, l, Record{ID: "2"})
	write(t, l, Record{ID: "3"})
	if got := fmt.Sprint(linesOf(t, path+".1"), linesOf(t, path)); got != "[0 1] [2 3]" {
		t.Errorf("the files hold %s", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, l, Record{ID: "4"})
	if got := fmt.Sprint(linesOf(t, path)); got != "[4]" {
		t.Errorf("after it was removed the file holds %s", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

func TestLinesAreWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, path)
	var writing sync.WaitGroup
	for i := range 8 {
		writing.Go(func() {
			for range 50 {
				write(t, l, Record{ID: fmt.Sprint(i), Dataset: strings.Repeat("\n\"ü", 1000)})
			}
		})
	}
	writing.Wait()
	if n := len(linesOf(t, path)); n != 400 {
		t.Errorf("%d lines, want 400", n)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 400*3*maxText {
		t.Errorf("names of any length are kept: %v, %v", info.Size(), err)
	}
}

func TestFailures(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none", "audit.jsonl")); err == nil {
		t.Error("a log was opened in a folder that there is not")
	}
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l := open(t, filepath.Join(dir, "audit.jsonl"))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := l.Write(Record{ID: "1"}); err == nil {
		t.Error("a record that went nowhere is no error")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, l, Record{ID: "2"})
	var none *Log
	write(t, none, Record{ID: "3"})
}
