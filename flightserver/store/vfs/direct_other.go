//go:build !linux

package vfs

import (
	"errors"
	"os"
)

// setDirect is not known to other systems.
func setDirect(*os.File, bool) error { return errors.ErrUnsupported }
