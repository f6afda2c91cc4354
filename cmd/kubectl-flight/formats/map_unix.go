//go:build unix

package formats

import (
	"os"
	"syscall"
)

// mapFile maps a file, whose pages then come and go as they are read.
func mapFile(f *os.File, size int64) (data []byte, unmap func() error, err error) {
	data, err = syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	return data, func() error { return syscall.Munmap(data) }, err
}
