// Package errorfs wraps a file system so that a test decides which operations
// fail.
package errorfs

import (
	"io"
	"sync/atomic"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// Kind is what an operation does.
type Kind string

// Kinds of operations. Reading comes apart from what changes the disk.
const (
	Create  Kind = "create"
	Open    Kind = "open"
	Link    Kind = "link"
	Remove  Kind = "remove"
	Mkdir   Kind = "mkdir"
	List    Kind = "list"
	SyncDir Kind = "syncdir"
	Lock    Kind = "lock"
	Usage   Kind = "usage"
	Write   Kind = "write"
	Read    Kind = "read"
	Sync    Kind = "sync"
	Close   Kind = "close"
	Size    Kind = "size"
	Map     Kind = "map"
)

// Changes tells whether an operation of this kind needs room on the disk or
// makes something durable.
func (k Kind) Changes() bool {
	switch k {
	case Create, Link, Remove, Mkdir, SyncDir, Write, Sync:
		return true
	}
	return false
}

// Op is one operation.
type Op struct {
	Kind Kind
	Name string
}

// Injector decides about an operation before it is done: an error is returned
// in its place. It is called from several goroutines.
type Injector func(Op) error

// Nth fails the n-th operation, counted from zero, and no other. Done tells
// whether it came to that.
type Nth struct {
	N    int64
	Err  error
	seen atomic.Int64
}

// Inject is the Injector.
func (f *Nth) Inject(Op) error {
	if f.seen.Add(1)-1 == f.N {
		return f.Err
	}
	return nil
}

// Done tells whether the operation was reached.
func (f *Nth) Done() bool { return f.seen.Load() > f.N }

// FS fails the operations that its Injector chooses.
type FS struct {
	inner  vfs.FS
	inject Injector
}

// New wraps a file system.
func New(inner vfs.FS, inject Injector) *FS { return &FS{inner: inner, inject: inject} }

// Create implements vfs.FS.
func (f *FS) Create(name string) (vfs.File, error) {
	if err := f.inject(Op{Create, name}); err != nil {
		return nil, err
	}
	inner, err := f.inner.Create(name)
	return f.wrap(inner, name, err)
}

// Open implements vfs.FS.
func (f *FS) Open(name string) (vfs.File, error) {
	if err := f.inject(Op{Open, name}); err != nil {
		return nil, err
	}
	inner, err := f.inner.Open(name)
	return f.wrap(inner, name, err)
}

func (f *FS) wrap(inner vfs.File, name string, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &file{inner: inner, name: name, inject: f.inject}, nil
}

// Link implements vfs.FS.
func (f *FS) Link(oldName, newName string) error {
	if err := f.inject(Op{Link, newName}); err != nil {
		return err
	}
	return f.inner.Link(oldName, newName)
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	if err := f.inject(Op{Remove, name}); err != nil {
		return err
	}
	return f.inner.Remove(name)
}

// Mkdir implements vfs.FS.
func (f *FS) Mkdir(name string) error {
	if err := f.inject(Op{Mkdir, name}); err != nil {
		return err
	}
	return f.inner.Mkdir(name)
}

// List implements vfs.FS.
func (f *FS) List(name string) ([]string, error) {
	if err := f.inject(Op{List, name}); err != nil {
		return nil, err
	}
	return f.inner.List(name)
}

// SyncDir implements vfs.FS.
func (f *FS) SyncDir(name string) error {
	if err := f.inject(Op{SyncDir, name}); err != nil {
		return err
	}
	return f.inner.SyncDir(name)
}

// Lock implements vfs.FS.
func (f *FS) Lock(name string) (io.Closer, error) {
	if err := f.inject(Op{Lock, name}); err != nil {
		return nil, err
	}
	return f.inner.Lock(name)
}

// Usage implements vfs.FS.
func (f *FS) Usage(name string) (used, capacity int64, err error) {
	if err := f.inject(Op{Usage, name}); err != nil {
		return 0, 0, err
	}
	return f.inner.Usage(name)
}

type file struct {
	inner  vfs.File
	name   string
	inject Injector
}

// Write gives a failing write its worst case: half of it is on the disk.
func (f *file) Write(p []byte) (int, error) {
	if err := f.inject(Op{Write, f.name}); err != nil {
		n, werr := f.inner.Write(p[:len(p)/2])
		if werr != nil {
			return n, werr
		}
		return n, err
	}
	return f.inner.Write(p)
}

func (f *file) ReadAt(p []byte, offset int64) (int, error) {
	if err := f.inject(Op{Read, f.name}); err != nil {
		return 0, err
	}
	return f.inner.ReadAt(p, offset)
}

func (f *file) Sync() error {
	if err := f.inject(Op{Sync, f.name}); err != nil {
		return err
	}
	return f.inner.Sync()
}

// Close closes the file even when it reports a failure, as close(2) does.
func (f *file) Close() error {
	err := f.inner.Close()
	if ierr := f.inject(Op{Close, f.name}); ierr != nil {
		return ierr
	}
	return err
}

func (f *file) Size() (int64, error) {
	if err := f.inject(Op{Size, f.name}); err != nil {
		return 0, err
	}
	return f.inner.Size()
}

func (f *file) Map() (vfs.Mapping, error) {
	if err := f.inject(Op{Map, f.name}); err != nil {
		return nil, err
	}
	return f.inner.Map()
}
