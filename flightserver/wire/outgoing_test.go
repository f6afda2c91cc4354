package wire

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/flight-operator/flight-operator/flightserver/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFaultsOfSmallParts come in the call: they are copied there.
func TestFaultsOfSmallParts(t *testing.T) {
	m := mapFile(t, 1<<20)
	if err := os.Truncate(m.file, 0); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]*Outgoing{
		"Header": {Header: m.bytes[:100]},
		"Body":   {Body: [][]byte{m.bytes[:100]}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Codec().Marshal(o); !errors.Is(err, fault.Err) {
				t.Errorf("Marshal() = %v", err)
			}
		})
	}
}

// mapped is a file in memory.
type mapped struct {
	file  string
	bytes []byte
}

func mapFile(t testing.TB, size int) *mapped {
	t.Helper()
	name := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	bytes, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(bytes); err != nil {
			t.Error(err)
		}
	})
	return &mapped{name, bytes}
}
