package store

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"strings"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

// Checker verifies a data directory and changes nothing in it. It holds the
// directory's lock, for a server that runs would change what it reads.
type Checker struct {
	segments Segments
	commits  Commits
	lock     io.Closer
}

// NewChecker takes the lock of a directory that exists, or fails with ErrInUse.
func NewChecker(fsys vfs.FS, dir string) (*Checker, error) {
	if _, err := fsys.List(dir); err != nil {
		return nil, err
	}
	lock, err := lockDirectory(fsys, dir)
	if err != nil {
		return nil, err
	}
	dirs := newDirectories(fsys, dir)
	return &Checker{segments: &dirSegments{dirs}, commits: &dirCommits{dirs}, lock: lock}, nil
}

func lockDirectory(fsys vfs.FS, dir string) (io.Closer, error) {
	lock, err := fsys.Lock(filepath.Join(dir, lockFile))
	if errors.Is(err, vfs.ErrLocked) {
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	return lock, err
}

// Close gives the lock back.
func (c *Checker) Close() error { return c.lock.Close() }

// Commits gives the logs, to read from.
func (c *Checker) Commits() Commits { return c.commits }

// DatasetIDs lists the datasets that have files.
func (c *Checker) DatasetIDs(ctx context.Context) ([]string, error) {
	return listDatasets(ctx, c.segments)
}

// Check verifies one dataset and reports each file that is wrong. What no
// version names is not looked at: the next start removes it.
func (c *Checker) Check(ctx context.Context, id string, report func(file string, err error)) error {
	numbers, err := c.commits.List(ctx, logName(id))
	if err != nil {
		return err
	}
	readable := true
	for _, n := range numbers {
		if err := c.checkManifest(ctx, id, n); err != nil {
			report(entryName(logName(id), n), err)
			readable = false
		}
	}
	if !readable {
		return nil // what the versions hold is not known
	}
	versions, _, err := readVersions(ctx, c.commits, id, nil)
	if err != nil {
		report(logName(id), err)
		return nil
	}
	checked := map[Segment]bool{}
	for i, v := range versions {
		if i+1 < len(versions) && versions[i+1].number == v.number {
			continue // the same with other segments took its place
		}
		for _, s := range v.segments() {
			if checked[s] {
				continue
			}
			checked[s] = true
			if err := c.checkSegment(ctx, id, s); err != nil {
				report(s.name(id), err)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Checker) checkManifest(ctx context.Context, id string, n uint64) error {
	entry, err := c.commits.Read(ctx, logName(id), n)
	if err != nil {
		return err
	}
	_, err = decodeManifest(n, entry)
	return err
}

func (c *Checker) checkSegment(ctx context.Context, id string, s Segment) (err error) {
	local, err := ensure(ctx, c.segments, s.name(id))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, local.Close()) }()
	return verifySegment(ctx, local, s, io.Discard)
}

// verifySegment reads all of a segment, gives it to a writer, and tells of the
// first that is wrong.
func verifySegment(ctx context.Context, local *LocalSegment, s Segment, to io.Writer) error {
	size, err := local.Size()
	if err != nil {
		return err
	}
	if size != s.Bytes {
		return fmt.Errorf("%w: %d bytes, want %d", ErrCorrupt, size, s.Bytes)
	}
	if strings.HasPrefix(string(local.Sidecar), indexMagic) {
		return verifyMessages(ctx, local, s, to)
	}
	sums, err := decodeSidecar(local.Sidecar, s.Sum)
	if err != nil {
		return fmt.Errorf("its sidecar: %w", err)
	}
	section := newVerifiedReader(local, sums).section()
	_, err = io.CopyBuffer(to, contextReader{ctx, section}, make([]byte, blockBytes))
	return err
}

// verifyMessages compares every byte of an Arrow segment with its index.
func verifyMessages(ctx context.Context, local *LocalSegment, s Segment, to io.Writer) error {
	x, err := decodeIndex(local.Sidecar, s.Sum)
	if err != nil {
		return fmt.Errorf("its sidecar: %w", err)
	}
	if x.size() != s.Bytes || x.stats.Rows != s.Rows {
		return fmt.Errorf("%w: an index of %d rows in %d bytes, want %d in %d", ErrCorrupt, x.stats.Rows, x.size(), s.Rows, s.Bytes)
	}
	spans := []span{x.head}
	for _, m := range x.messages {
		spans = append(spans, m.span)
	}
	buffer := make([]byte, blockBytes)
	for _, part := range append(spans, x.tail) {
		sum := crc32.New(castagnoli)
		section := io.NewSectionReader(local, part.offset, part.length)
		if _, err := io.CopyBuffer(io.MultiWriter(sum, to), contextReader{ctx, section}, buffer); err != nil {
			return err
		}
		if sum.Sum32() != part.sum {
			return fmt.Errorf("%w: wrong checksum of %d bytes at %d", ErrCorrupt, part.length, part.offset)
		}
	}
	return nil
}
