package limits

import "errors"

// Errors of what is refused for the time being.
var (
	ErrNoMemory     = errors.New("the server has too much data on its way")
	ErrTooManyCalls = errors.New("too many calls at one time")
	ErrTooOften     = errors.New("too many calls within a second")
)

// ErrStalled ends a call that no longer moves.
var ErrStalled = errors.New("the call no longer moves")
