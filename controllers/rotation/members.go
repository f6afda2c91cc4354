package rotation

import "time"

// carried is how long a kubelet takes at most to bring a changed Secret into a
// pod, however its container does: one that starts later reads the new content.
const carried = 5 * time.Minute

// Member is what a running member told.
type Member struct {
	Ready    bool   // clients reach it
	Answered bool   // it told its revision
	Revision string // of the file that it has loaded
}

// Acknowledged tells whether every member has the revision, which was published
// at a time by whichever clock. One that neither serves nor answers, such as one
// that crashes at each start, does not count when its kubelet must have brought
// the file since. One that serves counts, however long it is silent: clients and
// its peers meet it with what it loaded before.
func Acknowledged(members []Member, revision string, published, now time.Time) bool {
	for _, m := range members {
		gone := !m.Ready && !m.Answered && !now.Before(published.Add(carried+Skew))
		if !gone && (!m.Answered || m.Revision != revision) {
			return false
		}
	}
	return true
}
