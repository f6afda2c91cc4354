package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/test/process"
)

const (
	writers = 4
	readers = 2
)

// world is all that clients have done to one directory.
type world struct {
	site    site
	random  *rand.Rand
	writers []*writer

	mu      sync.Mutex
	uploads []*upload // by number
}

// datasets are names, each with the numbers of the uploads that it consists of.
type datasets map[string][]int64

func newWorld(random *rand.Rand, at site) *world {
	w := &world{site: at, random: random}
	for i := range writers {
		w.writers = append(w.writers, &writer{
			world:  w,
			random: rand.New(rand.NewPCG(random.Uint64(), 0)),
			prefix: fmt.Sprintf("writer-%d/", i),
			state:  datasets{},
		})
	}
	return w
}

func (w *world) newUpload(random *rand.Rand, dataset string) *upload {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := newUpload(int64(len(w.uploads)), dataset, random)
	w.uploads = append(w.uploads, u)
	return u
}

// verify compares all that a server shows with what was done, and gives how
// many operations had happened though nobody was told.
func (w *world) verify(t *testing.T, s *process.Server) (happened int) {
	t.Helper()
	client := s.Connect(t)
	defer client.Close()
	found := datasets{}
	for _, name := range list(t, client) {
		numbers, err := w.read(t.Context(), client, newest(name))
		if err != nil {
			t.Errorf("reading %s: %v", name, err)
		}
		found[name] = numbers
	}
	w.verifyShared(t, found[shared])
	delete(found, shared)
	for _, each := range w.writers {
		happened += each.verify(t, found)
	}
	return happened
}

// verifyShared looks for each upload to the shared dataset. Each was sent under
// an id of its own, again where there was no answer; that it is not there twice
// was seen while it was read.
func (w *world) verifyShared(t *testing.T, numbers []int64) {
	t.Helper()
	for _, u := range w.uploads {
		if u.dataset != shared {
			continue
		}
		switch visible := slices.Contains(numbers, u.number); {
		case visible && !u.sent:
			t.Errorf("upload %d is visible and was not sent to its end", u.number)
		case !visible && u.acknowledged:
			t.Errorf("upload %d was acknowledged and is gone", u.number)
		}
	}
	for _, n := range numbers {
		if w.uploads[n].dataset != shared {
			t.Errorf("upload %d is in the shared dataset, and went to %s", n, w.uploads[n].dataset)
		}
	}
}

// verify compares a writer's datasets with those before its last operation and,
// where there was no answer to that, with those after it.
func (w *writer) verify(t *testing.T, found datasets) (happened int) {
	t.Helper()
	own := maps.Clone(found)
	maps.DeleteFunc(own, func(name string, _ []int64) bool { return !strings.HasPrefix(name, w.prefix) })
	switch {
	case reflect.DeepEqual(own, w.state):
	case w.pending != nil && reflect.DeepEqual(own, w.pending):
		w.state, happened = own, 1
	default:
		t.Errorf("%s has %v, want %v, or after %s %v", w.prefix, own, w.state, w.doing, w.pending)
	}
	w.pending = nil
	return happened
}

// readSome reads a dataset that writers are changing. It holds whole uploads,
// whichever.
func (w *world) readSome(ctx context.Context, t *testing.T, client flight.Client, random *rand.Rand) bool {
	name := shared
	if n := random.IntN(len(w.writers) + 1); n < len(w.writers) {
		name = w.writers[n].name(random)
	}
	_, err := w.read(ctx, client, newest(name))
	if status.Code(err) == codes.NotFound {
		return true
	}
	if err != nil && !isEnd(err) {
		t.Errorf("reading %s: %v", name, err)
	}
	return err == nil
}

// isEnd tells an error of a server that was killed.
func isEnd(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.Canceled
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
