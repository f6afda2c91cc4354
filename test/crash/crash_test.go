// Package crash kills the real server while clients upload, and looks at what
// the next one serves.
package crash

import (
	"context"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	seed    = flag.Uint64("seed", 0, "of the moments of the kills and the sizes of uploads; 0: a random one")
	uploads = flag.Int("uploads", 100, "how many uploads")
)

const workers = 4

// TestKill uploads from several clients to a server that is killed again and
// again. An upload that was acknowledged is there, whole, after every restart.
// One that was not is not, or is whole as well when the kill came between its
// commit and the acknowledgement; one that had not been sent to its end is not
// there at all. An append that failed is sent again under its upload's id, and
// is there once.
func TestKill(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("again with: go test ./test/crash -seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	binary, dir := build(t), t.TempDir()
	all := newUploads(*uploads, random)
	prepare(t, binary, dir)

	kills, longest := 0, 200*time.Millisecond
	for left := all; len(left) > 0; kills++ {
		s := serve(t, binary, dir)
		verify(t, s, all)
		before := len(left)
		left = uploadUntilKilled(t, s, left, 20*time.Millisecond+time.Duration(random.Int64N(int64(longest))))
		if len(left) == before {
			longest *= 2 // on a slow machine an upload takes longer than that
		}
		check(t.Context(), t, binary, dir)
	}
	s := serve(t, binary, dir)
	verify(t, s, all)
	s.stop(t)
	check(t.Context(), t, binary, dir)
	t.Logf("%d uploads, %d acknowledged, %d kills", len(all), acknowledged(all), kills)
}

// prepare makes the dataset that others append to.
func prepare(t *testing.T, binary, dir string) {
	t.Helper()
	s := serve(t, binary, dir)
	client := s.connect(t)
	defer client.Close()
	if err := (&upload{dataset: shared, mode: "create"}).send(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	s.stop(t)
}

// uploadUntilKilled sends uploads until the server is killed, and gives those
// that are to be sent yet.
func uploadUntilKilled(t *testing.T, s *server, queue []*upload, life time.Duration) []*upload {
	t.Helper()
	client := s.connect(t)
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var dying atomic.Bool
	dead := make(chan struct{})
	moment := time.AfterFunc(life, func() {
		dying.Store(true) // what was not begun is for the next server
		s.kill()
		cancel()
		close(dead)
	})
	next, left := make(chan *upload, len(queue)), make(chan *upload, len(queue))
	for _, u := range queue {
		next <- u
	}
	close(next)
	var sending sync.WaitGroup
	for range workers {
		sending.Go(func() {
			for u := range next {
				if dying.Load() || !sendOrGiveUp(ctx, t, client, u) {
					left <- u
				}
			}
		})
	}
	sending.Wait()
	if moment.Stop() {
		s.kill() // all was sent before the moment came
	} else {
		<-dead
	}
	close(left)
	var rest []*upload
	for u := range left {
		rest = append(rest, u)
	}
	return rest
}

// sendOrGiveUp tells whether an upload is done with. An append is sent until it
// is acknowledged, a create once.
func sendOrGiveUp(ctx context.Context, t *testing.T, client flight.Client, u *upload) bool {
	err := u.send(ctx, client)
	if code := status.Code(err); err != nil && code != codes.Unavailable && code != codes.Canceled {
		t.Errorf("upload %d: %v", u.number, err)
	}
	return err == nil || u.mode == "create"
}

// verify looks at all that a server shows.
func verify(t *testing.T, s *server, all []*upload) {
	t.Helper()
	client := s.connect(t)
	defer client.Close()
	found := map[int64]part{}
	for _, name := range list(t, client) {
		parts, err := read(t.Context(), client, name)
		if err != nil {
			t.Fatalf("reading %s: %v", name, err)
		}
		for number, p := range parts {
			if want := all[number].dataset; name != want {
				t.Errorf("upload %d is in %s, not %s", number, name, want)
			}
			found[number] = p
		}
	}
	for _, u := range all {
		got, visible := found[u.number]
		switch {
		case visible && !u.sent:
			t.Errorf("upload %d is visible with %d rows, and was not sent to its end", u.number, got.rows)
		case visible && got != u.content:
			t.Errorf("upload %d has %+v, want %+v", u.number, got, u.content)
		case !visible && u.acknowledged:
			t.Errorf("upload %d was acknowledged and is gone", u.number)
		}
	}
}

func list(t *testing.T, client flight.Client) []string {
	t.Helper()
	stream, err := client.ListFlights(t.Context(), &flight.Criteria{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for {
		info, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, strings.Join(info.GetFlightDescriptor().GetPath(), "/"))
	}
}

func acknowledged(all []*upload) (n int) {
	for _, u := range all {
		if u.acknowledged {
			n++
		}
	}
	return n
}
