package store

import (
	"errors"
	"fmt"
	"syscall"
)

// Errors that callers tell apart.
var (
	ErrClosed          = errors.New("store is closed")
	ErrCorrupt         = errors.New("corrupt data")
	ErrDropped         = errors.New("dataset was dropped")
	ErrInUse           = errors.New("data directory is in use by another server")
	ErrMalformed       = errors.New("malformed record")
	ErrNoSpace         = errors.New("no space left on the volume")
	ErrNotFound        = errors.New("not found")
	ErrOutcomeUnknown  = errors.New("outcome unknown")
	ErrQuota           = errors.New("quota exceeded")
	ErrSchemaMismatch  = errors.New("schema does not match the dataset's")
	ErrTooLarge        = errors.New("too many segments for one version")
	ErrUnsupportedType = errors.New("unsupported type")
	ErrVersionNotFound = errors.New("version not found")
)

// noSpace marks the errors of a full volume or quota, so that callers need not
// know the system's numbers.
func noSpace(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}
