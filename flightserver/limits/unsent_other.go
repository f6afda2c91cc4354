//go:build !linux

package limits

import "net"

// boundUnsent leaves it to other systems.
func boundUnsent(*net.TCPConn, int64) {}
