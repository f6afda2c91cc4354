package limits

import (
	"net"

	"golang.org/x/sys/unix"
)

// The kernel keeps of a connection what its peer does not take yet, beside what
// is on its way. Left to itself it keeps up to 4 MiB: a thousand slow readers
// would take all memory that the kernel has for TCP, and everybody else's
// connections would crawl. With much room for each a sender is woken less often,
// so that few connections have more.
const (
	leastUnsent = 256 << 10
	mostUnsent  = 1 << 20
	allUnsent   = 64 << 20 // about what those may have together that have more than the least
)

// boundUnsent bounds what is kept of a connection, which is one of so many. It
// does without where the kernel knows no such bound.
func boundUnsent(c *net.TCPConn, open int64) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent(open))
	})
}

func unsent(open int64) int { return int(min(mostUnsent, max(leastUnsent, allUnsent/max(open, 1)))) }
