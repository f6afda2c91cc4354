package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/flight-operator/flight-operator/flightserver/store/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seams are the implementations that must keep what the interfaces promise.
func seams(t *testing.T, test func(*testing.T, Segments, Commits)) {
	t.Helper()
	for name, dirs := range map[string]func(*testing.T) *directories{
		"directory on disk":   func(t *testing.T) *directories { return newDirectories(vfs.OS{}, t.TempDir()) },
		"directory in memory": func(*testing.T) *directories { return newDirectories(vfs.NewMemory(), ".") },
	} {
		t.Run(name, func(t *testing.T) {
			d := dirs(t)
			test(t, &dirSegments{d}, &dirCommits{d})
		})
	}
}

func TestCommitsCreateOnce(t *testing.T) {
	seams(t, func(t *testing.T, _ Segments, c Commits) {
		first, err := c.Create(t.Context(), "some/log", 1, []byte("first"))
		if err != nil || string(first) != "first" {
			t.Fatalf("create: %q, %v", first, err)
		}
		for _, body := range []string{"second", "first"} {
			entry, err := c.Create(t.Context(), "some/log", 1, []byte(body))
			if err != nil || string(entry) != "first" {
				t.Errorf("create again with %q: %q, %v", body, entry, err)
			}
		}
		if entry, err := c.Read(t.Context(), "some/log", 1); err != nil || string(entry) != "first" {
			t.Errorf("read: %q, %v", entry, err)
		}
	})
}

func TestCommitsRace(t *testing.T) {
	const writers, numbers = 16, 8
	seams(t, func(t *testing.T, _ Segments, c Commits) {
		var seen [writers][numbers]string
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for n := range numbers {
					entry, err := c.Create(t.Context(), "log", uint64(n), fmt.Append(nil, w))
					if err != nil {
						t.Error(err)
					}
					seen[w][n] = string(entry)
				}
			})
		}
		wg.Wait()
		for w := range writers {
			if seen[w] != seen[0] {
				t.Errorf("writer %d saw %v, writer 0 saw %v", w, seen[w], seen[0])
			}
		}
	})
}

func TestCommitsListAndTrim(t *testing.T) {
	seams(t, func(t *testing.T, _ Segments, c Commits) {
		if list, err := c.List(t.Context(), "log"); err != nil || len(list) != 0 {
			t.Errorf("a log that is not there lists %v, %v", list, err)
		}
		for _, n := range []uint64{10, 9, 2, 1<<63 + 1} {
			if _, err := c.Create(t.Context(), "log", n, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		wantList(t, c, 2, 9, 10, 1<<63+1)
		for _, below := range []uint64{10, 10, 1} {
			if err := c.Trim(t.Context(), "log", below); err != nil {
				t.Fatal(err)
			}
			wantList(t, c, 10, 1<<63+1)
		}
		if _, err := c.Read(t.Context(), "log", 2); !errors.Is(err, ErrNotFound) {
			t.Errorf("reading a trimmed entry: %v", err)
		}
	})
}

func wantList(t *testing.T, c Commits, want ...uint64) {
	t.Helper()
	if list, err := c.List(t.Context(), "log"); err != nil || !slices.Equal(list, want) {
		t.Errorf("list is %v, %v, want %v", list, err, want)
	}
}

// answers is a log whose Create answers as it is told, like a store over a
// network that loses requests and answers.
type answers struct {
	Commits
	script []answer
}

type answer int

const (
	served     answer = iota
	answerLost        // it is stored, yet nobody hears of it
	lost              // it is not stored
)

func (a *answers) Create(ctx context.Context, log string, n uint64, body []byte) ([]byte, error) {
	next := served
	if len(a.script) > 0 {
		next, a.script = a.script[0], a.script[1:]
	}
	if next == lost {
		return nil, ErrOutcomeUnknown
	}
	entry, err := a.Commits.Create(ctx, log, n, body)
	if next == answerLost {
		return nil, ErrOutcomeUnknown
	}
	return entry, err
}

func TestAppend(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		script []answer
		others int // entries that another writer made before
		want   error
	}{
		"at once":         {},
		"after another":   {others: 3, reason: "each winner is learned before the next try"},
		"answer lost":     {script: []answer{answerLost}, reason: "the entry that has the number is the own one"},
		"request lost":    {script: []answer{lost, lost}, reason: "the same bytes again"},
		"lost, conflict":  {script: []answer{lost}, others: 1},
		"no answer ever":  {script: slices.Repeat([]answer{lost}, createTries), want: ErrOutcomeUnknown},
		"stored, no word": {script: slices.Repeat([]answer{answerLost}, createTries), want: ErrOutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			log := &answers{Commits: &dirCommits{newDirectories(vfs.NewMemory(), ".")}}
			for n := range tc.others {
				if _, err := log.Create(t.Context(), "log", uint64(n), fmt.Append(nil, "other ", n)); err != nil {
					t.Fatal(err)
				}
			}
			log.script = tc.script
			var learned []string
			err := Append(t.Context(), log, "log",
				func() (uint64, []byte, error) { return uint64(len(learned)), []byte("own"), nil },
				func(_ uint64, entry []byte) error { learned = append(learned, string(entry)); return nil })
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if err == nil && (len(learned) != tc.others+1 || learned[tc.others] != "own") {
				t.Errorf("learned %q", learned)
			}
		})
	}
}
