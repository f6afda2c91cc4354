//go:build !unix

package formats

import (
	"errors"
	"os"
)

// mapFile refuses, and the file is read batch by batch.
func mapFile(*os.File, int64) (data []byte, unmap func() error, err error) {
	return nil, nil, errors.ErrUnsupported
}
