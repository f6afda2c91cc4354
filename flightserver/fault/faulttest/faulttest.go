// Package faulttest maps files that tests damage.
package faulttest

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Mapped is a file in memory. To read Bytes behind its end, when it was cut
// short, is a fault.
type Mapped struct {
	File  string
	Bytes []byte
}

// Map makes a file of zeros, which is unmapped after the test.
func Map(t testing.TB, size int) *Mapped {
	t.Helper()
	name := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	bytes, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(bytes); err != nil {
			t.Error(err)
		}
	})
	return &Mapped{name, bytes}
}
