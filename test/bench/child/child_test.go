package child

import (
	"strings"
	"testing"
	"time"
)

func TestStart(t *testing.T) {
	// The loop burns the time that is then looked for.
	p, err := Start(t.Context(), "sh", "-c", "echo server ready grpc://127.0.0.1:4711; while :; do :; done")
	if err != nil {
		t.Fatal(err)
	}
	if p.Address != "127.0.0.1:4711" || p.StartUp <= 0 {
		t.Errorf("address %q, ready after %v", p.Address, p.StartUp)
	}
	before, err := p.CPU()
	if err != nil {
		t.Fatal(err)
	}
	for after := before; after-before < 10*time.Millisecond; {
		if after, err = p.CPU(); err != nil {
			t.Fatal(err)
		}
	}
	for what, read := range map[string]func() (int64, error){"peak": p.WatchMemory(), "memory": p.Memory} {
		if n, err := read(); err != nil || n <= 0 {
			t.Errorf("%s: %d, %v", what, n, err)
		}
	}
	if err := p.Stop(); err != nil {
		t.Errorf("ended by its signal: %v", err)
	}
}

func TestStartTellsWhy(t *testing.T) {
	_, err := Start(t.Context(), "sh", "-c", "echo no such folder >&2; exit 3")
	if err == nil || !strings.Contains(err.Error(), "no such folder") {
		t.Errorf("got %v", err)
	}
}

func TestStopTellsWhy(t *testing.T) {
	p, err := Start(t.Context(), "sh", "-c", "trap 'echo lost data >&2; exit 4' TERM; echo ready :1; while :; do sleep 0.01; done")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err == nil || !strings.Contains(err.Error(), "lost data") {
		t.Errorf("got %v", err)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var said tail
	for range 1000 {
		if _, err := said.Write([]byte("something\n")); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = said.Write([]byte("the end"))
	if got := said.String(); len(got) > 4<<10 || !strings.HasSuffix(got, "the end") {
		t.Errorf("%d bytes, %q", len(got), got[len(got)-20:])
	}
}
