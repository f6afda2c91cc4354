package vfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	fileMode = 0o640 // data is nobody's but the server's and its group's
	dirMode  = 0o750
)

// OS is the file system of the operating system.
type OS struct{}

// Create implements FS.
func (OS) Create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	return &newFile{osFile: osFile{f}, out: osFile{f}}, nil
}

// Open implements FS.
func (OS) Open(name string) (File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Link implements FS.
func (OS) Link(oldName, newName string) error { return os.Link(oldName, newName) }

// Remove implements FS.
func (OS) Remove(name string) error { return os.Remove(name) }

// Mkdir implements FS.
func (OS) Mkdir(name string) error { return os.Mkdir(name, dirMode) }

// List implements FS.
func (OS) List(name string) ([]string, error) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// SyncDir implements FS.
func (OS) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Lock implements FS by flock(2).
func (OS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s: %w", name, ErrLocked)
	}
	return nil, &os.PathError{Op: "flock", Path: name, Err: err}
}

// Usage implements FS by statfs(2).
func (OS) Usage(name string) (used, capacity int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(name, &s); err != nil {
		return 0, 0, &os.PathError{Op: "statfs", Path: name, Err: err}
	}
	block := int64(s.Bsize) //nolint:unconvert // an int32 on other systems
	return (int64(s.Blocks) - int64(s.Bfree)) * block, int64(s.Blocks) * block, nil
}

// osFile adds Size to an os.File.
type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Map implements File by mmap(2).
func (f osFile) Map() (Mapping, error) {
	size, err := f.Size()
	if err != nil || size == 0 {
		return mapping(nil), err
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: err}
	}
	return mapping(b), nil
}

type mapping []byte

func (m mapping) Bytes() []byte { return m }

func (m mapping) Prefetch(offset, length int64) {
	offset &^= PageBytes - 1
	end := min(offset+length, int64(len(m)))
	if offset < end {
		_ = unix.Madvise(m[offset:end], unix.MADV_WILLNEED) // it is a favour
	}
}

func (m mapping) Close() error {
	if m == nil {
		return nil
	}
	return unix.Munmap(m)
}

// writebackBytes is how much is written before the disk is asked to begin with
// it, so that Sync finds little left to do.
const writebackBytes = 8 << 20

// output is what a new file writes to: the file, or what a test makes of one.
type output interface {
	io.Writer
	// setDirect lets writes go around the page cache, or through it again. It
	// fails where the file system knows no such thing.
	setDirect(on bool) error
}

// newFile is a file that is being filled.
type newFile struct {
	osFile
	out     output
	written int64
	started int64 // how much of it the disk was asked for
	direct  bool  // the file is open for direct writing
	refused bool  // the system cannot write to it directly
}

func (f *newFile) Write(p []byte) (int, error) {
	if f.writesDirect(p) {
		n, err := f.out.Write(p)
		f.written += int64(n)
		f.started = f.written
		if !errors.Is(err, unix.EINVAL) {
			return n, err
		}
		// Its blocks are larger than a page, or it only seemed to agree.
		f.refused = true
		rest, err := f.writeBuffered(p[n:])
		return n + rest, err
	}
	return f.writeBuffered(p)
}

func (f *newFile) writeBuffered(p []byte) (int, error) {
	if f.direct {
		if err := f.out.setDirect(false); err != nil {
			return 0, err
		}
		f.direct = false
	}
	n, err := f.out.Write(p)
	f.written += int64(n)
	if f.written-f.started >= writebackBytes {
		startWriteback(f.File, f.started, f.written-f.started)
		f.started = f.written
	}
	return n, err
}

// writesDirect tells whether p goes around the page cache, for which the file is
// prepared: a copy into fresh pages costs more than the writing itself.
func (f *newFile) writesDirect(p []byte) bool {
	address := int64(uintptr(unsafe.Pointer(unsafe.SliceData(p)))) //nolint:gosec // nothing is reached by it
	if f.refused || len(p) < DirectBytes || (address|int64(len(p))|f.written)%PageBytes != 0 {
		return false
	}
	if !f.direct {
		f.direct = f.out.setDirect(true) == nil
		f.refused = !f.direct
	}
	return f.direct
}
