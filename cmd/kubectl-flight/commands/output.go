package commands

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/formats"
)

// output is where a download goes. A file is written beside its place and
// renamed into it by Keep, so that nobody sees half of one.
type output struct {
	io.Writer
	file    *os.File // nil: standard output
	place   string   // of the file; empty: it is there already
	written int64
}

func openOutput(path string, stdout io.Writer) (*output, error) {
	if path == "" || path == formats.Stdin {
		return &output{Writer: stdout}, nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return newFile(path, 0)
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory; give the file to write in it", path)
	case !info.Mode().IsRegular():
		// A device or a pipe is written to, never replaced.
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &output{Writer: f, file: f}, err
	}
	// What a link points to is replaced, not the link.
	place, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	return newFile(place, info.Mode().Perm())
}

// newFile begins a file that has another name until Keep. mode, if not 0, is
// that of the file which it replaces.
func newFile(place string, mode fs.FileMode) (*output, error) {
	dir, name := filepath.Split(place)
	f, err := os.OpenFile(filepath.Join(dir, "."+name+".part-"+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	o := &output{Writer: f, file: f, place: place}
	if mode != 0 {
		if err := f.Chmod(mode); err != nil {
			return nil, errors.Join(err, o.Discard())
		}
	}
	return o, nil
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	o.written += int64(n)
	return n, err
}

// Keep puts the file into its place.
func (o *output) Keep() error {
	if o.place == "" {
		return nil
	}
	// Else a power failure could leave the name with half of the content.
	if err := errors.Join(o.file.Sync(), o.file.Close()); err != nil {
		return err
	}
	if err := os.Rename(o.file.Name(), o.place); err != nil {
		return err
	}
	o.file = nil
	return nil
}

// Discard leaves nothing of a file that was not kept.
func (o *output) Discard() error {
	switch {
	case o.file == nil:
		return nil
	case o.place == "":
		return o.file.Close()
	}
	_ = o.file.Close() // Keep may have closed it
	return os.Remove(o.file.Name())
}
