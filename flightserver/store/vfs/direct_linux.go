package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// setDirect lets writes go around the page cache, or through it again. It fails
// where the file system knows no such thing.
func setDirect(f *os.File, on bool) error {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	flags &^= unix.O_DIRECT
	if on {
		flags |= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, flags)
	return err
}
