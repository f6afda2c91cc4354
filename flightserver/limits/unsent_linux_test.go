package limits

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTheKernelKeepsLittleOfAConnection(t *testing.T) {
	under, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := NewListener(under, 1, testMetrics())
	defer l.Close()
	dial(t, under)
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	raw, err := c.(tcpConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if most, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT); err != nil || most != mostUnsent {
			t.Errorf("TCP_NOTSENT_LOWAT = %d, %v", most, err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

func TestManyConnectionsHaveLittleEach(t *testing.T) {
	for open, want := range map[int64]int{1: mostUnsent, 64: mostUnsent, 128: mostUnsent / 2, 256: leastUnsent, 100000: leastUnsent} {
		if got := unsent(open); got != want {
			t.Errorf("unsent(%d) = %d", open, got)
		}
	}
}
