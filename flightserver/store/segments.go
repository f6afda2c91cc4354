package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// Segments keeps immutable byte sequences, each with a small sidecar of sums.
// A segment's name is a slash-separated path and is never used twice. All
// methods are safe for concurrent use.
type Segments interface {
	// Create begins a segment. Nobody sees it before its Close returned nil.
	Create(ctx context.Context, name string) (SegmentWriter, error)
	// Ensure brings a segment into a local file, or fails with ErrNotFound. The
	// file stays readable until it is closed, whatever is deleted meanwhile.
	Ensure(ctx context.Context, name string) (*LocalSegment, error)
	// List gives what follows prefix and a slash in the names of all segments,
	// up to the next slash: the directory listing, sorted. What was begun and is
	// neither closed nor aborted may be in it, so that a start finds it.
	List(ctx context.Context, prefix string) ([]string, error)
	// Delete removes every segment whose name lies below prefix, and the logs
	// there. It does nothing when there is none; after an error some may be left.
	Delete(ctx context.Context, prefix string) error
}

// SegmentWriter fills one segment. It is used by one goroutine and ends with
// Close or Abort.
type SegmentWriter interface {
	io.Writer
	// Close makes the segment and its sidecar durable under the segment's name.
	// After an error, nothing but Abort may follow.
	Close(sidecar []byte) error
	// Abort removes what was written.
	Abort() error
}

// LocalSegment is a segment that can be read here.
type LocalSegment struct {
	vfs.File
	Sidecar []byte // not verified
}

// sidecarSuffix follows the segment's name in its sidecar's.
const sidecarSuffix = ".sum"

// dirSegments keeps segments as files in a directory of a volume.
type dirSegments struct{ dirs *directories }

func (s *dirSegments) Create(_ context.Context, name string) (SegmentWriter, error) {
	if err := s.dirs.make(path.Dir(name)); err != nil {
		return nil, noSpace(err)
	}
	data, err := s.dirs.fs.Create(s.dirs.path(name))
	if err != nil {
		return nil, noSpace(err)
	}
	return &dirSegmentWriter{dirs: s.dirs, name: name, data: data}, nil
}

func (s *dirSegments) Ensure(_ context.Context, name string) (*LocalSegment, error) {
	sidecar, err := s.dirs.readFile(name+sidecarSuffix, maxSidecarBytes)
	if err != nil {
		return nil, notFound(name+sidecarSuffix, err)
	}
	data, err := s.dirs.fs.Open(s.dirs.path(name))
	if err != nil {
		return nil, notFound(name, err)
	}
	return &LocalSegment{File: data, Sidecar: sidecar}, nil
}

func (s *dirSegments) List(_ context.Context, prefix string) ([]string, error) {
	names, err := s.dirs.list(prefix)
	return slices.DeleteFunc(names, func(name string) bool {
		return strings.HasSuffix(name, sidecarSuffix)
	}), err
}

func (s *dirSegments) Delete(_ context.Context, prefix string) error {
	return s.dirs.removeAll(prefix)
}

func notFound(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", name, ErrNotFound)
	}
	return err
}

type dirSegmentWriter struct {
	dirs *directories
	name string
	data vfs.File // nil once it is closed
}

func (w *dirSegmentWriter) Write(p []byte) (int, error) {
	n, err := w.data.Write(p)
	return n, noSpace(err)
}

// Close syncs content before names, and names before those of the directories
// above: whatever is found after a crash is whole.
func (w *dirSegmentWriter) Close(sidecar []byte) error {
	err := w.data.Sync()
	err = errors.Join(err, w.data.Close())
	w.data = nil
	if err != nil {
		return noSpace(err)
	}
	if err := w.dirs.writeFile(w.name+sidecarSuffix, sidecar); err != nil {
		return noSpace(err)
	}
	return noSpace(w.dirs.sync(path.Dir(w.name)))
}

func (w *dirSegmentWriter) Abort() error {
	var err error
	if w.data != nil {
		err = w.data.Close()
	}
	for _, name := range []string{w.name, w.name + sidecarSuffix} {
		if rerr := w.dirs.fs.Remove(w.dirs.path(name)); !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return err
}
