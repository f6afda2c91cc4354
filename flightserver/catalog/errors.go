package catalog

import "errors"

// Errors that callers tell apart. Each is wrapped with what the caller named.
var (
	ErrDatasetNotFound = errors.New("dataset not found")
	ErrDatasetExists   = errors.New("dataset exists")
	ErrVersionNotFound = errors.New("version not found")
	ErrSchemaMismatch  = errors.New("schema does not match the dataset's")
	ErrFormatMismatch  = errors.New("format does not match the dataset's")
	ErrBadName         = errors.New("bad dataset name")
	ErrUnsupportedType = errors.New("unsupported type")
	ErrNoSpace         = errors.New("no space left on the volume")
	ErrCorrupt         = errors.New("corrupt data")
	ErrInUse           = errors.New("data directory is in use by another server")
	ErrForeign         = errors.New("data directory belongs to another cluster")
	ErrOutcomeUnknown  = errors.New("outcome unknown")
	ErrClosed          = errors.New("catalog is closed")
)
