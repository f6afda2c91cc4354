package limits

import (
	"net"

	"golang.org/x/sys/unix"
)

// unsentBytes bounds what the kernel keeps of a connection that its peer does
// not take yet, beside what is on its way. Left to itself it keeps up to 4 MiB:
// a thousand slow readers would take all memory that the kernel has for TCP, and
// everybody else's connections would crawl.
const unsentBytes = 256 << 10

// boundUnsent does without where the kernel knows no such bound.
func boundUnsent(c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentBytes)
	})
}
