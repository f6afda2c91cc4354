package formats

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// input is an opened source. It is read from its start or, where file is set,
// at any place.
type input struct {
	io.Reader
	file    *os.File // nil: standard input or a pipe
	size    int64    // -1: not known
	read    int64    // bytes that went through Read
	closers []io.Closer
}

func openInput(s Source) (*input, error) {
	if s.Path == Stdin {
		return &input{Reader: s.Stdin, size: -1}, nil
	}
	f, err := os.Open(s.Path)
	if err != nil {
		return nil, err
	}
	in := &input{Reader: f, size: -1, closers: []io.Closer{f}}
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, errors.Join(err, in.Close())
	case info.IsDir():
		return nil, errors.Join(fmt.Errorf("%s is a directory; name the files in it, such as '%s/*.parquet'", s.Path, s.Path), in.Close())
	case info.Mode().IsRegular():
		in.file, in.size = f, info.Size()
	}
	return in, nil
}

func (in *input) Read(p []byte) (int, error) {
	n, err := in.Reader.Read(p)
	in.read += int64(n)
	return n, err
}

// done is the part of the input that has been read from its start.
func (in *input) done() float64 {
	if in.size <= 0 {
		return -1
	}
	return float64(in.read) / float64(in.size)
}

// seekable gives the input as a file that can be read at any place. Standard
// input is first copied to a file, which has no name any more and so goes with
// the process.
func (in *input) seekable() (*os.File, error) {
	if in.file != nil {
		return in.file, nil
	}
	f, err := os.CreateTemp("", "kubectl-flight-*")
	if err != nil {
		return nil, err
	}
	in.closers = append(in.closers, f)
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	if in.size, err = io.Copy(f, in.Reader); err != nil {
		return nil, err
	}
	in.file = f
	return f, nil
}

func (in *input) Close() error {
	var errs []error
	for _, c := range in.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
