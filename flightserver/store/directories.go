package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"sync"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// directories makes, syncs and removes what lies below a root. Names are
// relative to it and separated by slashes.
type directories struct {
	fs   vfs.FS
	root string

	mu struct {
		sync.Mutex
		// durable has the directories whose own name is known to survive a
		// crash; a sync need not go above them.
		durable map[string]bool
	}
}

func newDirectories(fsys vfs.FS, root string) *directories {
	d := &directories{fs: fsys, root: root}
	d.mu.durable = map[string]bool{}
	return d
}

func (d *directories) path(name string) string {
	return filepath.Join(d.root, filepath.FromSlash(name))
}

// make creates a directory and what is missing above it.
func (d *directories) make(name string) error {
	err := d.fs.Mkdir(d.path(name))
	if errors.Is(err, fs.ErrNotExist) && name != "." {
		if err := d.make(path.Dir(name)); err != nil {
			return err
		}
		err = d.fs.Mkdir(d.path(name))
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// sync makes the names in a directory durable, and its own name up to the root.
func (d *directories) sync(name string) error {
	if err := d.fs.SyncDir(d.path(name)); err != nil {
		return err
	}
	if name == "." || d.isDurable(name) {
		return nil
	}
	if err := d.sync(path.Dir(name)); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.durable[name] = true
	return nil
}

func (d *directories) isDurable(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.durable[name]
}

// list gives the names in a directory; none when it does not exist.
func (d *directories) list(name string) ([]string, error) {
	names, err := d.fs.List(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

// readFile reads a file of at most limit bytes.
func (d *directories) readFile(name string, limit int64) (_ []byte, err error) {
	f, err := d.fs.Open(d.path(name))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%s: %w: %d bytes, more than %d", name, ErrCorrupt, size, limit)
	}
	content := make([]byte, size)
	if n, err := f.ReadAt(content, 0); n < len(content) {
		return nil, fmt.Errorf("reading %s: %w", name, errors.Join(err, io.ErrUnexpectedEOF))
	}
	return content, nil
}

// writeFile makes a file with durable content; its name is not durable yet.
func (d *directories) writeFile(name string, content []byte) error {
	f, err := d.fs.Create(d.path(name))
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// removeAll removes a file, or a directory with all that it holds.
func (d *directories) removeAll(name string) error {
	err := d.fs.Remove(d.path(name))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		d.forget(name)
		return nil
	}
	names, lerr := d.list(name)
	if lerr != nil {
		return errors.Join(err, lerr)
	}
	for _, child := range names {
		if err := d.removeAll(path.Join(name, child)); err != nil {
			return err
		}
	}
	if err := d.fs.Remove(d.path(name)); err != nil {
		return err
	}
	d.forget(name)
	return nil
}

func (d *directories) forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.mu.durable, name)
}
