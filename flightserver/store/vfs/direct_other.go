//go:build !linux

package vfs

import "errors"

// setDirect is not known to other systems.
func (osFile) setDirect(bool) error { return errors.ErrUnsupported }
