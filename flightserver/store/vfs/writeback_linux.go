package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// startWriteback asks the disk to begin with a range and does not wait. Its
// errors come back from Sync.
func startWriteback(f *os.File, offset, length int64) {
	_ = unix.SyncFileRange(int(f.Fd()), offset, length, unix.SYNC_FILE_RANGE_WRITE)
}
