package settings

import (
	"errors"
	"path/filepath"
	"strings"
)

const unixScheme = "unix://"

// maxSocketPath is what the system takes as the path of a socket.
const maxSocketPath = 107

var errSocketPath = errors.New("must be an absolute path of at most 107 bytes, as in unix:///run/flight.sock")

// UnixSocket gives the path of an address that is a socket.
func UnixSocket(address string) (path string, ok bool) {
	return strings.CutPrefix(address, unixScheme)
}

// checkDataAddress is for the data port, which may be a socket.
func checkDataAddress(address string) error {
	path, ok := UnixSocket(address)
	switch {
	case !ok:
		return checkAddress(address)
	case !filepath.IsAbs(path) || len(path) > maxSocketPath:
		return errSocketPath
	}
	return nil
}
