package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
)

// shared is the dataset that all writers append to.
const shared = "shared"

// writer changes datasets of its own, one operation at a time.
type writer struct {
	world  *world
	random *rand.Rand
	prefix string
	state  datasets // that are known to be there
	// pending is the state after an operation that may have happened: nobody
	// answered, but the server had all it needed. nil: there is none.
	pending datasets
	doing   string  // that operation, for messages
	unsure  *upload // to the shared dataset, without an answer: sent again
}

func (w *writer) name(random *rand.Rand) string {
	suffix := ""
	n := random.IntN(5)
	if n == 0 {
		suffix = ".parquet"
	}
	return fmt.Sprintf("%s%d%s", w.prefix, n, suffix)
}

// step does one operation, whatever suits the dataset that chance picks, and
// tells whether it was acknowledged.
func (w *writer) step(ctx context.Context, t *testing.T, client flight.Client) bool {
	err := w.operate(ctx, client)
	if err != nil && !isEnd(err) {
		t.Errorf("%s: %v", w.doing, err)
	}
	return err == nil
}

func (w *writer) operate(ctx context.Context, client flight.Client) error {
	name, other := w.name(w.random), w.name(w.random)
	_, exists := w.state[name]
	_, taken := w.state[other]
	chance := w.random.IntN(10)
	switch {
	case w.unsure != nil || chance == 0:
		return w.appendShared(ctx, client)
	case !exists && chance < 8:
		return w.upload(ctx, client, name, "create")
	case !exists || chance == 1:
		return w.uploadInParts(ctx, client, name)
	case chance < 5:
		return w.upload(ctx, client, name, "append")
	case chance < 7:
		return w.upload(ctx, client, name, "replace")
	case chance == 7:
		return w.drop(ctx, client, name)
	case !taken:
		return w.rename(ctx, client, name, other)
	default:
		return w.upload(ctx, client, name, "append")
	}
}

// appendShared sends an upload under an id until it is acknowledged.
func (w *writer) appendShared(ctx context.Context, client flight.Client) error {
	if w.unsure == nil {
		w.unsure = w.world.newUpload(w.random, shared)
	}
	w.doing = fmt.Sprintf("appending upload %d to %s", w.unsure.number, shared)
	err := w.unsure.send(ctx, client, putCommand{Dataset: shared, Mode: "append", Upload: fmt.Sprintf("upload-%d", w.unsure.number)})
	if err == nil {
		w.unsure = nil
	}
	return err
}

// upload sends one upload, and knows what the dataset holds then.
func (w *writer) upload(ctx context.Context, client flight.Client, name, mode string) error {
	u := w.world.newUpload(w.random, name)
	w.doing = fmt.Sprintf("%s of %s by upload %d", mode, name, u.number)
	err := u.send(ctx, client, putCommand{Dataset: name, Mode: mode})
	if !u.sent {
		return err
	}
	return w.settle(w.with(name, mode, u.number), err)
}

// uploadInParts sends several uploads at once that become visible together.
func (w *writer) uploadInParts(ctx context.Context, client flight.Client, name string) error {
	mode := "create"
	if _, exists := w.state[name]; exists {
		mode = []string{"replace", "append"}[w.random.IntN(2)]
	}
	w.doing = fmt.Sprintf("%s of %s in parts", mode, name)
	var started putCommand
	if err := act(ctx, client, "StartParallelUpload", putCommand{Dataset: name, Mode: mode}, &started); err != nil {
		return err
	}
	numbers, err := w.sendParts(ctx, client, putCommand{Dataset: name, Upload: started.Upload})
	if err != nil {
		return err
	}
	if w.random.IntN(4) == 0 {
		return act(ctx, client, "AbortParallelUpload", putCommand{Upload: started.Upload}, nil)
	}
	err = act(ctx, client, "FinishParallelUpload", putCommand{Upload: started.Upload}, nil)
	return w.settle(w.with(name, mode, numbers...), err)
}

func (w *writer) sendParts(ctx context.Context, client flight.Client, command putCommand) ([]int64, error) {
	numbers, errs := make([]int64, 1+w.random.IntN(3)), make([]error, 3)
	var parts sync.WaitGroup
	for i := range numbers {
		u := w.world.newUpload(w.random, command.Dataset)
		numbers[i] = u.number
		parts.Go(func() { errs[i] = u.send(ctx, client, command) })
	}
	parts.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err // as it is: its code tells how it ended
		}
	}
	return numbers, nil
}

func (w *writer) drop(ctx context.Context, client flight.Client, name string) error {
	w.doing = "drop of " + name
	after := maps.Clone(w.state)
	delete(after, name)
	return w.settle(after, act(ctx, client, "drop_dataset", putCommand{Dataset: name}, nil))
}

func (w *writer) rename(ctx context.Context, client flight.Client, from, to string) error {
	w.doing = fmt.Sprintf("rename of %s to %s", from, to)
	after := maps.Clone(w.state)
	after[to] = after[from]
	delete(after, from)
	return w.settle(after, act(ctx, client, "rename_dataset", map[string]string{"from": from, "to": to}, nil))
}

// with gives the state after an upload. Numbers are kept in order: which part
// of several comes first is the server's affair.
func (w *writer) with(name, mode string, numbers ...int64) datasets {
	after := maps.Clone(w.state)
	if mode == "append" {
		numbers = append(slices.Clone(after[name]), numbers...)
	}
	slices.Sort(numbers)
	after[name] = numbers
	return after
}

// settle takes over the state after an operation that was acknowledged, and
// keeps it in mind after one that was not.
func (w *writer) settle(after datasets, err error) error {
	if err != nil {
		w.pending = after
		return err
	}
	w.state = after
	return nil
}

// act does an action; its result's body, if it has one, goes into answer.
func act(ctx context.Context, client flight.Client, action string, body, answer any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	stream, err := client.DoAction(ctx, &flight.Action{Type: action, Body: content})
	if err != nil {
		return err
	}
	for {
		result, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if answer != nil {
			if err := json.Unmarshal(result.GetBody(), answer); err != nil {
				return err
			}
		}
	}
}
