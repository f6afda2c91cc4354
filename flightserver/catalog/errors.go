package catalog

import (
	"errors"
	"fmt"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

// Errors that callers tell apart. Each is wrapped with what the caller named.
var (
	ErrDatasetNotFound = errors.New("dataset not found")
	ErrDatasetExists   = errors.New("dataset exists")
	ErrFormatMismatch  = errors.New("format does not match the dataset's")
	ErrBadName         = errors.New("bad dataset name")
	ErrBadUpload       = errors.New("bad parallel upload")
	ErrDeclared        = errors.New("dataset is declared")
	ErrForeign         = errors.New("data directory belongs to another cluster")

	ErrClosed          = store.ErrClosed
	ErrCorrupt         = store.ErrCorrupt
	ErrInUse           = store.ErrInUse
	ErrMalformed       = store.ErrMalformed
	ErrNoSpace         = store.ErrNoSpace
	ErrOutcomeUnknown  = store.ErrOutcomeUnknown
	ErrQuota           = store.ErrQuota
	ErrSchemaMismatch  = store.ErrSchemaMismatch
	ErrTooLarge        = store.ErrTooLarge
	ErrUnsupportedType = store.ErrUnsupportedType
	ErrVersionNotFound = store.ErrVersionNotFound
)

// about adds the dataset's name to an error of the store.
func about(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrDropped):
		return fmt.Errorf("%w: %s was dropped meanwhile", ErrDatasetNotFound, quote(name))
	}
	return fmt.Errorf("dataset %s: %w", quote(name), err)
}
