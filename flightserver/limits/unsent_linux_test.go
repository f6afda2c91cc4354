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
		if most, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT); err != nil || most != unsentBytes {
			t.Errorf("TCP_NOTSENT_LOWAT = %d, %v", most, err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
