// Package crash kills the real server again and again while clients work, and
// looks at what the next one serves.
package crash

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
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

// serverSettings have compaction come to lives of milliseconds.
const serverSettings = "storage: {compactEvery: 20ms}\n"

// TestKill has writers, each with datasets of its own and one that all append
// to, and readers. The server is killed at random moments, at times while it
// still recovers from the last kill, and now and then ends in good order. Then
// the directory is checked, and every dataset read by the next server: what was
// acknowledged is there, whole; what was under way is there as a whole or not at
// all; what had not been sent to its end is not.
func TestKill(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("again with: go test ./test/crash -seed %d -kills %d", *seed, *kills)
	random := rand.New(rand.NewPCG(*seed, 0))
	config := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(config, []byte(serverSettings), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := process.Build(t)
	var done tally
	for left := *kills; left > 0 && !t.Failed(); left -= killsOfDirectory {
		w := newWorld(random, site{binary: binary, config: config, dir: t.TempDir()})
		w.run(t, min(left, killsOfDirectory), &done)
		t.Log(&done)
	}
}

// tally counts what a run has met.
type tally struct {
	kills, early, stops, happened int
	acknowledged, reads           atomic.Int64
}

func (d *tally) String() string {
	return fmt.Sprintf("%d kills, %d of them during a start; %d stops; "+
		"%d operations acknowledged, of those without an answer %d had happened; %d reads",
		d.kills, d.early, d.stops, d.acknowledged.Load(), d.happened, d.reads.Load())
}

// site is where servers live one after the other.
type site struct{ binary, config, dir string }

func (s site) start(t *testing.T) *process.Server {
	t.Helper()
	return process.Start(t, s.binary, s.dir, "--config", s.config)
}

func (s site) serve(t *testing.T) *process.Server {
	t.Helper()
	return process.Serve(t, s.binary, s.dir, "--config", s.config)
}

func (s site) check(t *testing.T) {
	t.Helper()
	process.Check(t.Context(), t, s.binary, s.dir)
}

// run takes one directory through its kills.
func (w *world) run(t *testing.T, kills int, done *tally) {
	t.Helper()
	w.prepare(t)
	for range kills {
		if w.random.IntN(5) == 0 {
			w.live(t, done, func(s *process.Server) { s.Stop(t) })
			done.stops++
		}
		if w.random.IntN(5) == 0 {
			done.early++
			s := w.site.start(t)
			time.Sleep(time.Duration(w.random.Int64N(int64(longestStart))))
			s.Kill()
		} else {
			w.live(t, done, (*process.Server).Kill)
		}
		done.kills++
		w.site.check(t)
		if t.Failed() {
			return // the directory is kept no longer than its test: one fault is enough to look at
		}
	}
	s := w.site.serve(t)
	done.happened += w.verify(t, s)
	s.Stop(t)
	w.site.check(t)
}

// prepare declares datasets that stay, each compressed in one way or not at all:
// the one that all append to, and one of each writer.
func (w *world) prepare(t *testing.T) {
	t.Helper()
	c, err := catalog.Open(t.Context(), catalog.Options{Dir: w.site.dir})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{shared}
	for _, each := range w.writers {
		names = append(names, each.declared())
		each.state[each.declared()] = nil
	}
	codecs := []catalog.Compression{catalog.CompressionNone, catalog.CompressionLZ4, catalog.CompressionZSTD}
	for _, name := range names {
		policy := catalog.Policy{Compression: codecs[w.random.IntN(len(codecs))]}
		if _, err := c.Declare(t.Context(), catalog.Declaration{Path: []string{name}, Schema: schema, Policy: policy}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// live is the life of one server: a look at what it found, then all clients do
// what they do until it ends.
func (w *world) live(t *testing.T, done *tally, end func(*process.Server)) {
	t.Helper()
	s := w.site.serve(t)
	done.happened += w.verify(t, s)
	client := s.Connect(t)
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var dying atomic.Bool
	clients := w.work(ctx, t, client, &dying, done)
	time.Sleep(time.Duration(w.random.Int64N(int64(longestLife))))
	dying.Store(true) // what fails from now on may fail
	end(s)
	cancel()
	clients.Wait()
}

// work starts the clients, which stop when they fail or the server is dying.
func (w *world) work(ctx context.Context, t *testing.T, client flight.Client, dying *atomic.Bool, done *tally) *sync.WaitGroup {
	t.Helper()
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
	return &clients
}
