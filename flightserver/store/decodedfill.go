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
	ended   bool // nothing more is taken
}

// beginFill gives what takes the messages of a segment; nil where the cache is
// off, the volume is short, or another reader fills it in.
func (s *Store) beginFill(name string, schema []byte) *decodedFill {
	c := s.cache
	if c.limit <= 0 || s.checkFree() != nil {
		return nil
	}
	d := &decodedSegment{name: name, file: path.Join(cacheDir, RandomID())}
	c.mu.Lock()
	begun := c.beginLocked(d)
	c.mu.Unlock()
	if !begun {
		return nil
	}
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

// finish makes the segment known to readers once the disk has it, for which the
// reader does not wait.
func (f *decodedFill) finish() {
	if f.ended {
		return
	}
	if !f.store.cache.settle(f.settle) {
		f.abandon()
		return
	}
	f.ended = true
}

func (f *decodedFill) settle() {
	if err := f.end(); err != nil {
		f.report(err)
		f.remove()
		return
	}
	d, c := f.segment, f.store.cache
	c.mu.Lock()
	known := c.mu.known[d.name] == d && !c.mu.closed
	if known {
		d.used, d.last = c.mu.recent.PushBack(d), c.clock.Now()
	}
	c.mu.Unlock()
	if !known {
		f.remove()
	}
}

// end writes the rest of the file, and its index. A start forgets both, so the
// names need not last; yet a page of the file that the disk did not take would
// be read as something else later, and only a sync tells.
func (f *decodedFill) end() error {
	err := f.arrow.end()
	if err == nil {
		err = f.file.Sync()
	}
	if err := errors.Join(err, f.file.Close()); err != nil {
		return err
	}
	x := &f.arrow.index
	sidecar := x.encode()
	d, dirs := f.segment, f.store.cache.dirs
	d.whole = Segment{Rows: x.stats.Rows, Bytes: x.size(), Sum: crc32.Checksum(sidecar, castagnoli)}
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

// fail gives up, and tells why.
func (f *decodedFill) fail(err error) {
	f.report(err)
	f.abandon()
}

// report tells why a segment is not kept, unless that is nothing out of the
// ordinary.
func (f *decodedFill) report(err error) {
	if err = noSpace(err); !errors.Is(err, errNoRoom) && !errors.Is(err, ErrNoSpace) {
		f.store.options.Logger.Warn("decoded segment is not cached", "segment", f.segment.name, "error", err)
	}
}

// abandon ends a fill of which nothing is kept. It does nothing to one that
// ended before.
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
	f.remove()
}

// remove takes the segment out of the cache.
func (f *decodedFill) remove() {
	f.store.cache.forget(f.segment)
	f.store.cache.remove(f.segment)
}
