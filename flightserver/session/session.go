// Package session keeps the options that clients set for their sessions, as
// Flight's session actions define them. Sessions live in memory: they end when
// they are closed, lie idle for long, or the process ends.
package session

import (
	"maps"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	flightpb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"google.golang.org/protobuf/proto"
	"k8s.io/utils/clock"
)

// Bounds of what clients can make a server remember. An owner that begins more
// sessions loses those that it has not used for longest.
const (
	IdleLife    = 12 * time.Hour
	maxPerOwner = 256
	maxBytes    = 16 << 10 // of a session's options, encoded
)

// Check says whether a value is good for an option. It gets no value that
// erases.
type Check func(*flight.SessionOptionValue) bool

// Text takes any string.
func Text(v *flight.SessionOptionValue) bool {
	_, ok := v.GetOptionValue().(*flightpb.SessionOptionValue_StringValue)
	return ok
}

// Store holds the sessions of a server, each by its owner and its id: an id is
// of no use to anybody else. Any number of goroutines may call it.
type Store struct {
	clock clock.PassiveClock
	known map[string]Check

	mu struct {
		sync.Mutex
		owners map[string]map[string]*state // by owner and id
	}
}

// state is a session. The values never change; the map does.
type state struct {
	options map[string]*flight.SessionOptionValue
	used    time.Time
}

// NewStore gives a store that takes the options of a table.
func NewStore(known map[string]Check, now clock.PassiveClock) *Store {
	s := &Store{clock: now, known: known}
	s.mu.owners = map[string]map[string]*state{}
	return s
}

// Has says whether the owner has the session.
func (s *Store) Has(owner, id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.useLocked(owner, id) != nil
}

// Options gives a session's options; none for a session that there is not.
func (s *Store) Options(owner, id string) map[string]*flight.SessionOptionValue {
	s.mu.Lock()
	defer s.mu.Unlock()
	if session := s.useLocked(owner, id); session != nil {
		return maps.Clone(session.options)
	}
	return nil
}

// Set changes options of a session, which begins if there is none, and gives an
// error for each that it did not change. A value that is not set erases. The
// store keeps the values, which nobody may change any more.
func (s *Store) Set(owner, id string, changes map[string]*flight.SessionOptionValue) map[string]*flight.SetSessionOptionsResultError {
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.useLocked(owner, id)
	if session == nil {
		session = s.beginLocked(owner, id)
	}
	failed := map[string]*flight.SetSessionOptionsResultError{}
	for name, value := range changes {
		if why := s.set(session, name, value); why != flight.SetSessionOptionsResultErrorUnspecified {
			failed[name] = &flight.SetSessionOptionsResultError{Value: why}
		}
	}
	return failed
}

// Close ends a session.
func (s *Store) Close(owner, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(owner, id)
}

func (s *Store) set(session *state, name string, value *flight.SessionOptionValue) flightpb.SetSessionOptionsResult_ErrorValue {
	check, known := s.known[name]
	switch {
	case !known:
		return flight.SetSessionOptionsResultErrorInvalidName
	case value.GetOptionValue() == nil:
		delete(session.options, name)
	case !check(value):
		return flight.SetSessionOptionsResultErrorInvalidValue
	case session.bytesBut(name)+proto.Size(value) > maxBytes:
		return flight.SetSessionOptionsResultErrorError
	default:
		session.options[name] = value
	}
	return flight.SetSessionOptionsResultErrorUnspecified
}

// bytesBut is the size of all options but one. Names are of the table.
func (s *state) bytesBut(name string) (n int) {
	for other, value := range s.options {
		if other != name {
			n += proto.Size(value)
		}
	}
	return n
}

func (s *Store) useLocked(owner, id string) *state {
	session := s.mu.owners[owner][id]
	if session == nil {
		return nil
	}
	now := s.clock.Now()
	if now.Sub(session.used) > IdleLife {
		s.endLocked(owner, id)
		return nil
	}
	session.used = now
	return session
}

func (s *Store) beginLocked(owner, id string) *state {
	s.expireLocked()
	if len(s.mu.owners[owner]) >= maxPerOwner {
		s.endLocked(owner, s.longestUnusedLocked(owner))
	}
	if s.mu.owners[owner] == nil {
		s.mu.owners[owner] = map[string]*state{}
	}
	session := &state{options: map[string]*flight.SessionOptionValue{}, used: s.clock.Now()}
	s.mu.owners[owner][id] = session
	return session
}

// expireLocked walks all sessions: they are few, and begin seldom.
func (s *Store) expireLocked() {
	now := s.clock.Now()
	for owner, sessions := range s.mu.owners {
		for id, session := range sessions {
			if now.Sub(session.used) > IdleLife {
				s.endLocked(owner, id)
			}
		}
	}
}

func (s *Store) longestUnusedLocked(owner string) (oldest string) {
	sessions := s.mu.owners[owner]
	for id, session := range sessions {
		if oldest == "" || session.used.Before(sessions[oldest].used) {
			oldest = id
		}
	}
	return oldest
}

func (s *Store) endLocked(owner, id string) {
	delete(s.mu.owners[owner], id)
	if len(s.mu.owners[owner]) == 0 {
		delete(s.mu.owners, owner)
	}
}
