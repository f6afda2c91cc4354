package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Commits keeps logs: numbered entries, each written once, ever. A log's name
// is a slash-separated path. All methods are safe for concurrent use, by
// several processes as well.
type Commits interface {
	// Create writes entry n unless it exists, and returns the entry that now
	// stands there, durable: body, or what another writer put there first.
	// ErrOutcomeUnknown says that body may or may not stand there, now or
	// later; any other error that it does not and will not.
	Create(ctx context.Context, log string, n uint64, body []byte) (entry []byte, err error)
	// List gives the numbers of a log's entries, ascending.
	List(ctx context.Context, log string) ([]uint64, error)
	// Read gives one entry, or ErrNotFound.
	Read(ctx context.Context, log string, n uint64) ([]byte, error)
	// Trim removes the entries below n, the lowest first.
	Trim(ctx context.Context, log string, n uint64) error
}

// createTries is how often an entry whose outcome is unknown is created again.
const createTries = 5

// Append adds one entry after a log's newest. propose gives its number and
// bytes, made for the state that learn has built so far; learn is told each
// entry that took a proposed number, the own one last. An error of propose or
// learn ends the attempt.
//
// Nothing but Create decides: a writer that lost the number learns the winner
// and proposes again; one that got no answer asks with the same bytes, which a
// nonce makes its own.
func Append(ctx context.Context, c Commits, log string,
	propose func() (uint64, []byte, error), learn func(uint64, []byte) error,
) error {
	for {
		n, body, err := propose()
		if err != nil {
			return err
		}
		entry, err := create(ctx, c, log, n, body)
		if err != nil {
			return err
		}
		if err := learn(n, entry); err != nil {
			return err
		}
		if bytes.Equal(entry, body) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func create(ctx context.Context, c Commits, log string, n uint64, body []byte) (entry []byte, err error) {
	for range createTries {
		entry, err = c.Create(ctx, log, n, body)
		if !errors.Is(err, ErrOutcomeUnknown) {
			return entry, err
		}
	}
	return nil, err
}

// RandomID gives 128 random bits in hex: the name of what must not meet
// another's.
func RandomID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // crypto/rand never fails
	return hex.EncodeToString(id)
}

// entryDigits keeps a log's listing in the order of its numbers.
const entryDigits = 20

// tmpDir holds entries that have no number yet, under names that tell their log.
// What is in it when a server starts belongs to nobody.
const tmpDir = "tmp"

func tmpName(log string) string {
	return path.Join(tmpDir, RandomID()+"-"+strings.ReplaceAll(log, "/", "-"))
}

// logOfTmp is the inverse of tmpName, for a name within tmpDir.
func logOfTmp(name string) (log string, ok bool) {
	_, log, ok = strings.Cut(name, "-")
	return strings.ReplaceAll(log, "-", "/"), ok
}

// dirCommits keeps each log as a directory, each entry as a file.
type dirCommits struct{ dirs *directories }

func entryName(log string, n uint64) string {
	return path.Join(log, fmt.Sprintf("%0*d", entryDigits, n))
}

// Create links a synced file under the entry's name, since link(2) fails where
// rename(2) would replace.
func (c *dirCommits) Create(ctx context.Context, log string, n uint64, body []byte) ([]byte, error) {
	if err := c.makeLog(log); err != nil {
		return nil, noSpace(err)
	}
	tmp := tmpName(log)
	err := c.dirs.writeFile(tmp, body)
	if err == nil {
		err = c.dirs.fs.Link(c.dirs.path(tmp), c.dirs.path(entryName(log, n)))
	}
	lost := errors.Is(err, fs.ErrExist)
	if err == nil || lost {
		// A winner is synced as well: what is built upon it must not outlive it.
		if err := c.dirs.sync(log); err != nil {
			// The temporary file stays: it tells the next start that an entry may
			// be there which a loss of power would take back.
			return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, noSpace(err))
		}
	}
	// One that cannot be removed is removed by the next start.
	_ = c.dirs.fs.Remove(c.dirs.path(tmp))
	switch {
	case lost:
		return c.Read(ctx, log, n)
	case err != nil:
		return nil, noSpace(err)
	}
	return body, nil
}

// recover makes durable what a crash left between an entry's link and its
// sync, for the server goes on from what it sees. Then it removes the files
// that tell of such a crash.
func (c *dirCommits) recover() error {
	unfinished, err := c.dirs.list(tmpDir)
	if err != nil {
		return err
	}
	for _, name := range unfinished {
		log, ok := logOfTmp(name)
		if !ok {
			continue
		}
		if err := c.dirs.sync(log); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, name := range unfinished {
		if err := c.dirs.removeAll(path.Join(tmpDir, name)); err != nil {
			return err
		}
	}
	return nil
}

func (c *dirCommits) makeLog(log string) error {
	if err := c.dirs.make(tmpDir); err != nil {
		return err
	}
	return c.dirs.make(log)
}

func (c *dirCommits) List(_ context.Context, log string) ([]uint64, error) {
	names, err := c.dirs.list(log)
	if err != nil {
		return nil, err
	}
	numbers := make([]uint64, 0, len(names))
	for _, name := range names {
		n, err := strconv.ParseUint(name, 10, 64)
		if err != nil || len(name) != entryDigits {
			continue // not ours: an editor's copy, a lost+found
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

func (c *dirCommits) Read(_ context.Context, log string, n uint64) ([]byte, error) {
	entry, err := c.dirs.readFile(entryName(log, n), MaxEntryBytes)
	return entry, notFound(entryName(log, n), err)
}

func (c *dirCommits) Trim(ctx context.Context, log string, n uint64) error {
	numbers, err := c.List(ctx, log)
	if err != nil {
		return err
	}
	removed := false
	for _, old := range numbers {
		if old >= n {
			break
		}
		removed = true
		err := c.dirs.fs.Remove(c.dirs.path(entryName(log, old)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if !removed {
		return nil
	}
	return c.dirs.sync(log)
}
