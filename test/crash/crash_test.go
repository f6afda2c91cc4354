// Package crash kills the real server again and again while clients work, and
// looks at what the next one serves.
package crash

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flight-operator/flight-operator/test/process"
)

var (
	seed  = flag.Uint64("seed", 0, "of the moments of the kills and of what clients do; 0: a random one")
	kills = flag.Int("kills", 25, "how often the server is killed")
)

const (
	// killsOfDirectory is how often a directory outlives its server. What is
	// read back grows with it.
	killsOfDirectory = 40
	longestLife      = 300 * time.Millisecond
	longestStart     = 60 * time.Millisecond
)

// TestKill has writers, each with datasets of its own and one that all append
// to, and readers. The server is killed at random moments, at times while it
// still recovers from the last kill. Then the directory is checked, and every
// dataset read by the next server: what was acknowledged is there, whole; what
// was under way is there as a whole or not at all; what had not been sent to
// its end is not.
func TestKill(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("again with: go test ./test/crash -seed %d -kills %d", *seed, *kills)
	random := rand.New(rand.NewPCG(*seed, 0))
	binary := process.Build(t)
	var done tally
	for left := *kills; left > 0 && !t.Failed(); left -= killsOfDirectory {
		w := newWorld(random)
		w.run(t, binary, t.TempDir(), min(left, killsOfDirectory), &done)
	}
	t.Logf("%d kills, %d of them during a start; %d operations acknowledged, of those without an answer %d had happened; %d reads",
		done.kills, done.early, done.acknowledged.Load(), done.happened, done.reads.Load())
}

// tally counts what a run has met.
type tally struct {
	kills, early, happened int
	acknowledged, reads    atomic.Int64
}

// run takes one directory through its kills.
func (w *world) run(t *testing.T, binary, dir string, kills int, done *tally) {
	t.Helper()
	prepare(t, binary, dir)
	for range kills {
		done.kills++
		if w.random.IntN(5) == 0 {
			done.early++
			s := process.Start(t, binary, dir)
			time.Sleep(time.Duration(w.random.Int64N(int64(longestStart))))
			s.Kill()
		} else {
			s := process.Serve(t, binary, dir)
			done.happened += w.verify(t, s)
			w.work(t, s, time.Duration(w.random.Int64N(int64(longestLife))), done)
		}
		process.Check(t.Context(), t, binary, dir)
		if t.Failed() {
			return // the directory is kept no longer than its test: one fault is enough to look at
		}
	}
	s := process.Serve(t, binary, dir)
	done.happened += w.verify(t, s)
	s.Stop(t)
	process.Check(t.Context(), t, binary, dir)
}

// prepare makes the dataset that all append to.
func prepare(t *testing.T, binary, dir string) {
	t.Helper()
	s := process.Serve(t, binary, dir)
	client := s.Connect(t)
	defer client.Close()
	if err := (&upload{}).send(t.Context(), client, putCommand{Dataset: shared, Mode: "create"}); err != nil {
		t.Fatal(err)
	}
	s.Stop(t)
}

// work lets all clients do what they do until the server is killed.
func (w *world) work(t *testing.T, s *process.Server, life time.Duration, done *tally) {
	t.Helper()
	client := s.Connect(t)
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var dying atomic.Bool
	var clients sync.WaitGroup
	for _, each := range w.writers {
		clients.Go(func() {
			for !dying.Load() && each.step(ctx, t, client) {
				done.acknowledged.Add(1)
			}
		})
	}
	for range readers {
		random := rand.New(rand.NewPCG(w.random.Uint64(), 0))
		clients.Go(func() {
			for !dying.Load() && w.readSome(ctx, t, client, random) {
				done.reads.Add(1)
			}
		})
	}
	time.Sleep(life)
	dying.Store(true) // what fails from now on may fail
	s.Kill()
	cancel()
	clients.Wait()
}
