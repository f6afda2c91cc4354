// Package vfs is the file system that the store needs, small enough that a
// test can fail any operation and can pull the power at any of them.
package vfs

import (
	"errors"
	"io"
)

// ErrLocked reports that another process, or another user of this one, holds
// the lock.
var ErrLocked = errors.New("locked")

// FS is a POSIX file system as the store sees it. Errors are those of package
// os: they satisfy errors.Is with fs.ErrExist, fs.ErrNotExist and the system's
// numbers. Every implementation is safe for concurrent use.
type FS interface {
	Files
	Directories
	Volume
}

// Files are made, filled, synced, and never changed afterwards.
type Files interface {
	// Create makes a file that is not there yet and opens it for writing.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// Link gives a file a second name, or fails with fs.ErrExist. Of several
	// callers with one new name exactly one succeeds.
	Link(oldName, newName string) error
	// Remove removes a name: of a file, or of an empty directory.
	Remove(name string) error
}

// Directories hold names. A name that was made or removed survives a loss of
// power only once SyncDir of its directory returned.
type Directories interface {
	// Mkdir makes a directory, or fails with fs.ErrExist.
	Mkdir(name string) error
	// List gives the names in a directory, sorted.
	List(name string) ([]string, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
}

// Volume is what the files lie on.
type Volume interface {
	// Lock takes the lock that the file of this name stands for, or fails with
	// ErrLocked. It ends with Close, and with the process.
	Lock(name string) (io.Closer, error)
	// Usage gives the used and the whole size of name's volume in bytes.
	Usage(name string) (used, capacity int64, err error)
}

// PageBytes is what addresses, offsets and lengths are multiples of where whole
// pages are written.
const PageBytes = 4096

// DirectBytes is how much is worth to be written around the page cache: less is
// done sooner through it.
const DirectBytes = 1 << 20

// File is an open file. Reading is safe from several goroutines, writing from
// one.
type File interface {
	Content
	// Write appends. Pieces of DirectBytes and more that consist of whole pages,
	// in memory and in the file, may go to the disk around the page cache.
	io.Writer
	io.Closer
	// Sync makes the file's content durable, not its name.
	Sync() error
}

// Content is what is read of a file.
type Content interface {
	io.ReaderAt
	Size() (int64, error)
	// Map gives the content as memory, which outlives the open file.
	Map() (Mapping, error)
}

// Mapping is the content of a file as memory that nobody writes to. Touching it
// faults where the disk fails or the file was cut: see debug.SetPanicOnFault.
type Mapping interface {
	Bytes() []byte
	// Prefetch asks for a range to be read from the disk, and does not wait.
	Prefetch(offset, length int64)
	// Close ends the mapping. Nothing may touch its bytes afterwards.
	Close() error
}
