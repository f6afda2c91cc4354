package commands

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/formats"
)

// output is where a download goes. A file is written beside its place and
// renamed into it by Keep, so that nobody sees half of one.
type output struct {
	io.Writer
	file    *renameio.PendingFile // nil: a stream
	device  *os.File              // nil: not one that we opened
	written int64
}

func openOutput(path string, stdout io.Writer) (*output, error) {
	if path == "" || path == formats.Stdin {
		return &output{Writer: stdout}, nil
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("%s is a directory; give the file to write in it", path)
	case err == nil && !info.Mode().IsRegular():
		// A device or a pipe is written to, never replaced.
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &output{Writer: f, device: f}, err
	case err == nil:
		// What a link points to is replaced, not the link.
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)),
		renameio.WithPermissions(0o666), renameio.WithExistingPermissions())
	if err != nil {
		return nil, err
	}
	return &output{Writer: f, file: f}, nil
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	o.written += int64(n)
	return n, err
}

// Keep puts the file into its place.
func (o *output) Keep() error {
	if o.file == nil {
		return nil
	}
	return o.file.CloseAtomicallyReplace()
}

// Discard leaves nothing of a file that was not kept.
func (o *output) Discard() error {
	switch {
	case o.device != nil:
		return o.device.Close()
	case o.file != nil:
		return o.file.Cleanup() // does nothing after Keep
	}
	return nil
}
