package pki

import (
	"time"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// wait is since when what a phase waits for holds, and for which roots: in
// Trusting, that clients find them; in Retiring, that members use nothing of
// the previous ones. Zero: not yet.
type wait struct {
	since  time.Time
	bundle string // revision of the roots
}

func waitFrom(now time.Time, trust []byte) wait {
	return wait{since: now, bundle: settings.Revision(trust)}
}

func (w wait) begun() bool { return !w.since.IsZero() }

func (w wait) until(p Policy) time.Time {
	if !w.begun() {
		return time.Time{}
	}
	return w.since.Add(p.Overlap)
}

// stale tells whether a wait is about other roots, or was begun by a clock that
// was far ahead.
func (w wait) stale(trust []byte, now time.Time) bool {
	return w.bundle != settings.Revision(trust) || w.since.After(now.Add(backdate))
}

// phaseOf tells how far a change of roots is: whether some are published that
// nothing in use depends on yet, and some that nothing new does.
func phaseOf(next, previous bool, w wait) v1alpha1.PKIPhase {
	switch {
	case next:
		return v1alpha1.PKITrusting
	case !previous:
		return v1alpha1.PKIStable
	case !w.begun():
		return v1alpha1.PKIIssuing
	}
	return v1alpha1.PKIRetiring
}

// Loaded is what every running member has acknowledged.
type Loaded struct{ Trust, Leaf bool }

// move is what takes a change of roots further.
type move int

const (
	moveNone    move = iota
	moveWait         // clients and time are waited for from now on
	movePromote      // the next roots are as good as the others
	moveForget       // the previous ones are of no use any more
)

func nextMove(phase v1alpha1.PKIPhase, w wait, p Policy, loaded Loaded, now time.Time) move {
	over := w.begun() && !now.Before(w.until(p))
	switch {
	case phase == v1alpha1.PKITrusting && !w.begun():
		return moveWait
	case phase == v1alpha1.PKITrusting && loaded.Trust && over:
		return movePromote
	case phase == v1alpha1.PKIIssuing && loaded.Trust && loaded.Leaf:
		return moveWait
	case phase == v1alpha1.PKIRetiring && loaded.Trust && loaded.Leaf && over:
		return moveForget
	}
	return moveNone
}
