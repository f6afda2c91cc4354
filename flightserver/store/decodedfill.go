package store

import (
	"errors"
	"hash/crc32"
	"io"
	"path"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// decodedFill writes into the cache what a reader decodes. It never fails the
// reader: what cannot be kept is not kept. One goroutine uses it, and ends it
// with finish or abandon.
type decodedFill struct {
	store   *Store
	segment *decodedSegment
	file    vfs.File
	arrow   *arrowFile
	ended   bool
}

// beginFill gives what takes the messages of a segment; nil where the cache is
// off, or another reader fills it in.
func (s *Store) beginFill(name string, schema []byte) *decodedFill {
	c := s.cache
	d := &decodedSegment{name: name, file: path.Join(cacheDir, RandomID())}
	c.mu.Lock()
	if c.limit <= 0 || c.mu.closed || c.mu.short || c.mu.known[name] != nil {
		c.mu.Unlock()
		return nil
	}
	c.mu.known[name] = d
	c.mu.Unlock()
	f := &decodedFill{store: s, segment: d}
	if err := f.open(schema); err != nil {
		f.fail(err)
		return nil
	}
	return f
}

func (f *decodedFill) open(schema []byte) (err error) {
	dirs := f.store.cache.dirs
	if err := dirs.make(cacheDir); err != nil {
		return err
	}
	if f.file, err = dirs.fs.Create(dirs.path(f.segment.file)); err != nil {
		return err
	}
	f.arrow, err = newArrowFile(buffered{f.file}, schema)
	return err
}

// buffered writes in pieces that do not go around the page cache: who reads next
// finds them there.
type buffered struct{ w io.Writer }

func (b buffered) Write(p []byte) (done int, err error) {
	for done < len(p) && err == nil {
		var n int
		n, err = b.w.Write(p[done:min(len(p), done+vfs.DirectBytes/2)])
		done += n
	}
	return done, err
}

// errNoRoom says that the cache may not have more.
var errNoRoom = errors.New("there is no room in the cache")

// add writes a message.
func (f *decodedFill) add(m encodedMessage) {
	if f.ended {
		return
	}
	if err := f.append(m); err != nil {
		f.fail(err)
	}
}

func (f *decodedFill) append(m encodedMessage) error {
	if err := f.store.checkFree(); err != nil {
		return err
	}
	full := f.arrow.indexBytes > maxSidecarBytes/2
	if full || !f.store.cache.reserve(f.segment, int64(len(m.Header)+len(m.Body))) {
		return errNoRoom
	}
	x := indexed{dictionary: m.Rows == 0, stats: m.stats}
	return f.arrow.append(x, m.Header, len(m.Body), func(room []byte) error {
		copy(room, m.Body)
		return nil
	})
}

// finish makes the segment known to readers.
func (f *decodedFill) finish() {
	if f.ended {
		return
	}
	if err := f.end(); err != nil {
		f.fail(err)
		return
	}
	f.ended = true
	d, c := f.segment, f.store.cache
	c.mu.Lock()
	known := c.mu.known[d.name] == d && !c.mu.closed
	if known {
		d.used = c.mu.recent.PushBack(d)
	}
	c.mu.Unlock()
	if !known {
		c.remove(d)
	}
}

// end writes the rest of the file, and its index. Neither is synced: a start
// forgets both.
func (f *decodedFill) end() error {
	arrow, file := f.arrow, f.file
	f.arrow, f.file = nil, nil
	if err := errors.Join(arrow.end(), file.Close()); err != nil {
		return err
	}
	sidecar := arrow.index.encode()
	d, dirs := f.segment, f.store.cache.dirs
	d.whole = Segment{Rows: arrow.index.stats.Rows, Bytes: arrow.size(), Sum: crc32.Checksum(sidecar, castagnoli)}
	if !f.store.cache.reserve(d, d.whole.Bytes+int64(len(sidecar))-d.bytes) {
		return errNoRoom
	}
	index, err := dirs.fs.Create(dirs.path(d.file + sidecarSuffix))
	if err != nil {
		return err
	}
	_, err = index.Write(sidecar)
	return errors.Join(err, index.Close())
}

// fail gives up, and tells why, unless that is nothing out of the ordinary.
func (f *decodedFill) fail(err error) {
	if !errors.Is(err, errNoRoom) && !errors.Is(err, ErrNoSpace) {
		f.store.options.Logger.Warn("decoded segment is not cached", "segment", f.segment.name, "error", err)
	}
	f.abandon()
}

// abandon removes what was written. It does nothing once the fill ended.
func (f *decodedFill) abandon() {
	if f.ended {
		return
	}
	f.ended = true
	if f.arrow != nil {
		_ = f.arrow.out.close() // it is removed
	}
	if f.file != nil {
		_ = f.file.Close()
	}
	c := f.store.cache
	c.mu.Lock()
	if c.mu.known[f.segment.name] == f.segment {
		c.forgetLocked(f.segment)
	}
	c.mu.Unlock()
	c.remove(f.segment)
}
