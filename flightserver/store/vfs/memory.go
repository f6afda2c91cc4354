package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// memoryCapacity is what Memory says it could hold.
const memoryCapacity = 1 << 30

// Memory is a file system in memory that knows what a loss of power would
// forget: content written after a file's last Sync, and names made or removed
// after their directory's last SyncDir.
type Memory struct {
	mu struct {
		sync.Mutex
		root  *node
		locks map[string]bool
	}
}

// node is a file or a directory; the synced fields are what the disk holds.
type node struct {
	data   []byte // of a file; only ever appended to
	synced int    // the length of data that is durable

	entries       map[string]*node // of a directory; nil for a file
	syncedEntries map[string]*node
}

func newDir() *node {
	return &node{entries: map[string]*node{}, syncedEntries: map[string]*node{}}
}

// NewMemory gives an empty file system.
func NewMemory() *Memory {
	m := &Memory{}
	m.mu.root = newDir()
	m.mu.locks = map[string]bool{}
	return m
}

// CrashClone gives the file system that is found after a loss of power at this
// moment. Of everything that was not synced, survives is asked whether the
// disk got it nevertheless; nil means that nothing of it did.
func (m *Memory) CrashClone(survives func() bool) *Memory {
	if survives == nil {
		survives = func() bool { return false }
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	clone := NewMemory()
	clone.mu.root = m.mu.root.afterCrash(survives, map[*node]*node{})
	return clone
}

// afterCrash copies what the disk holds of a node; seen keeps two names of one
// file one file.
func (n *node) afterCrash(survives func() bool, seen map[*node]*node) *node {
	if c, ok := seen[n]; ok {
		return c
	}
	if n.entries == nil {
		keep := n.synced
		if keep < len(n.data) && survives() {
			keep += (len(n.data) - keep + 1) / 2 // torn: a part of it
		}
		c := &node{data: n.data[:keep:keep], synced: keep} // appending leaves it as it is
		seen[n] = c
		return c
	}
	c := newDir()
	seen[n] = c
	for _, name := range slices.Sorted(maps.Keys(union(n.entries, n.syncedEntries))) {
		now, then := n.entries[name], n.syncedEntries[name]
		found := then
		if now != then && survives() {
			found = now
		}
		if found != nil {
			c.entries[name] = found.afterCrash(survives, seen)
		}
	}
	c.syncedEntries = maps.Clone(c.entries)
	return c
}

func union(a, b map[string]*node) map[string]*node {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// Create implements FS.
func (m *Memory) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parentLocked("create", name)
	if err != nil {
		return nil, err
	}
	if dir.entries[base] != nil {
		return nil, pathError("create", name, fs.ErrExist)
	}
	n := &node{}
	dir.entries[base] = n
	return &memoryFile{fs: m, node: n, name: name}, nil
}

// Open implements FS.
func (m *Memory) Open(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.findLocked(name)
	if n == nil {
		return nil, pathError("open", name, fs.ErrNotExist)
	}
	if n.entries != nil {
		return nil, pathError("open", name, syscall.EISDIR)
	}
	return &memoryFile{fs: m, node: n, name: name}, nil
}

// Link implements FS.
func (m *Memory) Link(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.findLocked(oldName)
	if n == nil {
		return pathError("link", oldName, fs.ErrNotExist)
	}
	dir, base, err := m.parentLocked("link", newName)
	if err != nil {
		return err
	}
	if dir.entries[base] != nil {
		return pathError("link", newName, fs.ErrExist)
	}
	dir.entries[base] = n
	return nil
}

// Remove implements FS.
func (m *Memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parentLocked("remove", name)
	if err != nil {
		return err
	}
	n := dir.entries[base]
	switch {
	case n == nil:
		return pathError("remove", name, fs.ErrNotExist)
	case len(n.entries) > 0:
		return pathError("remove", name, syscall.ENOTEMPTY)
	}
	delete(dir.entries, base)
	return nil
}

// Mkdir implements FS.
func (m *Memory) Mkdir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parentLocked("mkdir", name)
	if err != nil {
		return err
	}
	if dir.entries[base] != nil {
		return pathError("mkdir", name, fs.ErrExist)
	}
	dir.entries[base] = newDir()
	return nil
}

// List implements FS.
func (m *Memory) List(name string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.dirLocked("list", name)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(n.entries)), nil
}

// SyncDir implements FS.
func (m *Memory) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.dirLocked("syncdir", name)
	if err != nil {
		return err
	}
	n.syncedEntries = maps.Clone(n.entries)
	return nil
}

// Lock implements FS.
func (m *Memory) Lock(name string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parentLocked("lock", name)
	if err != nil {
		return nil, err
	}
	if m.mu.locks[name] {
		return nil, fmt.Errorf("%s: %w", name, ErrLocked)
	}
	if dir.entries[base] == nil {
		dir.entries[base] = &node{}
	}
	m.mu.locks[name] = true
	return unlocker(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.mu.locks, name)
	}), nil
}

// Usage implements FS.
func (m *Memory) Usage(string) (used, capacity int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.root.size(), memoryCapacity, nil
}

func (n *node) size() int64 {
	total := int64(len(n.data))
	for _, child := range n.entries {
		total += child.size()
	}
	return total
}

func (m *Memory) findLocked(name string) *node {
	n := m.mu.root
	for part := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		if part == "" || part == "." {
			continue
		}
		if n = n.entries[part]; n == nil {
			return nil
		}
	}
	return n
}

func (m *Memory) dirLocked(op, name string) (*node, error) {
	n := m.findLocked(name)
	switch {
	case n == nil:
		return nil, pathError(op, name, fs.ErrNotExist)
	case n.entries == nil:
		return nil, pathError(op, name, syscall.ENOTDIR)
	}
	return n, nil
}

func (m *Memory) parentLocked(op, name string) (*node, string, error) {
	trimmed := strings.Trim(name, "/")
	i := strings.LastIndex(trimmed, "/")
	dir, err := m.dirLocked(op, trimmed[:max(i, 0)])
	return dir, trimmed[i+1:], err
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

type unlocker func()

func (u unlocker) Close() error { u(); return nil }

type memoryFile struct {
	fs   *Memory
	node *node
	name string
}

func (f *memoryFile) Write(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.node.data = append(f.node.data, p...)
	return len(p), nil
}

func (f *memoryFile) ReadAt(p []byte, offset int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if offset >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Map gives a copy that turns into garbage when it is closed, as the bytes behind
// a true mapping would be gone.
func (f *memoryFile) Map() (Mapping, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return &memoryMapping{slices.Clone(f.node.data)}, nil
}

type memoryMapping struct{ data []byte }

func (m *memoryMapping) Bytes() []byte       { return m.data }
func (m *memoryMapping) Prefetch(_, _ int64) {}
func (m *memoryMapping) Close() error {
	for i := range m.data {
		m.data[i] = garbage
	}
	return nil
}

const garbage = 0xdb

func (f *memoryFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.node.synced = len(f.node.data)
	return nil
}

func (f *memoryFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.node.data)), nil
}

func (f *memoryFile) Close() error { return nil }
