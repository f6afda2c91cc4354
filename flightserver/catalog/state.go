package catalog

import (
	"context"
	"fmt"

	"github.com/flight-operator/flight-operator/flightserver/store"
)

// logState is what a log says, without data.
type logState struct {
	cluster string
	next    uint64 // the number of the entry that follows
	tail    int    // entries that no checkpoint makes superfluous
	live    map[string]*entry
	taken   map[string]bool // names
}

// readLog gives the state that a log leaves; nil where it has no entries.
func readLog(ctx context.Context, c store.Commits, schemas *store.Schemas) (*logState, error) {
	entries, err := readEntries(ctx, c)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	return fold(entries, schemas)
}

// fold applies entries to the last whole checkpoint, or to nothing. A gap means
// that something removed files by hand: nothing after it can be trusted.
func fold(entries []*logEntry, schemas *store.Schemas) (*logState, error) {
	s := &logState{live: map[string]*entry{}, taken: map[string]bool{}}
	for _, part := range lastCheckpoint(entries) {
		s.next, s.cluster = part.Checkpoint.At, part.Checkpoint.Cluster
		for _, d := range part.Checkpoint.Datasets {
			e, err := d.entry(d.Created, schemas)
			if err == nil {
				err = s.put(nil, e)
			}
			if err != nil {
				return nil, corrupt(part, err)
			}
		}
	}
	for _, l := range entries {
		if l.Number < s.next {
			continue // the checkpoint has it
		}
		if l.Number > s.next {
			return nil, fmt.Errorf("%s: %w: it is missing, %s is there", logFile(s.next), ErrCorrupt, logFile(l.Number))
		}
		if err := s.apply(l, schemas); err != nil {
			return nil, corrupt(l, err)
		}
		s.next++
	}
	return s, nil
}

func corrupt(l *logEntry, err error) error {
	return fmt.Errorf("%s: %w: %w", logFile(l.Number), ErrCorrupt, err)
}

func (s *logState) apply(l *logEntry, schemas *store.Schemas) error {
	switch {
	case l.Cluster != nil:
		s.cluster = l.Cluster.UID
		return nil
	case l.Checkpoint != nil:
		return nil
	}
	s.tail++
	before := s.live[l.subject()]
	after, err := l.next(before, schemas)
	if err != nil {
		return err
	}
	return s.put(before, after)
}

// put replaces a dataset; nil is none.
func (s *logState) put(before, after *entry) error {
	if before != nil {
		delete(s.live, before.id)
		delete(s.taken, before.name)
	}
	if after == nil {
		return nil
	}
	if s.live[after.id] != nil || s.taken[after.name] {
		return fmt.Errorf("it names %s, which is there", quote(after.name))
	}
	after.contents.setPolicy(after.policy)
	s.live[after.id], s.taken[after.name] = after, true
	return nil
}
