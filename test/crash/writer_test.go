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
	switch n := random.IntN(6); n {
	case 0:
		return w.prefix + "0.parquet"
	case 1:
		return w.declared()
	default:
		return fmt.Sprint(w.prefix, n)
	}
}

// declared is a dataset that is always there, under this name.
func (w *writer) declared() string { return w.prefix + "declared" }

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
	stays := name == w.declared()
	chance := w.random.IntN(14)
	switch {
	case w.unsure != nil || chance < 3: // often, so that there is something to compact
		return w.appendShared(ctx, client)
	case !exists && chance < 11:
		return w.upload(ctx, client, name, "create")
	case !exists || chance == 3:
		return w.uploadInParts(ctx, client, name)
	case chance < 7:
		return w.upload(ctx, client, name, "append")
	case chance < 9:
		return w.upload(ctx, client, name, "replace")
	case chance == 9 && !stays:
		return w.drop(ctx, client, name)
	case chance < 12 && !stays && !taken:
		return w.rename(ctx, client, name, other)
	case chance >= 12:
		return w.restore(ctx, client, name)
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
	err := act(ctx, client, "StartParallelUpload", putCommand{Dataset: name, Mode: mode}, func(body []byte) error {
		return json.Unmarshal(body, &started)
	})
	if err != nil {
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

// restore makes a version the newest again, which a read tells the content of.
func (w *writer) restore(ctx context.Context, client flight.Client, name string) error {
	w.doing = "restore of " + name
	versions, err := versionsOf(ctx, client, name)
	if err != nil || len(versions) == 0 {
		return err // nothing was uploaded yet
	}
	body, err := json.Marshal(versions[w.random.IntN(len(versions))])
	if err != nil {
		return err
	}
	after := maps.Clone(w.state)
	after[name], err = w.world.read(ctx, client, &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: body})
	if err != nil {
		return err
	}
	return w.settle(after, act(ctx, client, "restore_version", json.RawMessage(body), nil))
}

// version is a body that names one version of a dataset.
type version struct {
	Dataset string `json:"dataset"`
	Version uint64 `json:"version"`
}

func versionsOf(ctx context.Context, client flight.Client, name string) (all []version, err error) {
	err = act(ctx, client, "list_versions", putCommand{Dataset: name}, func(body []byte) error {
		v := version{Dataset: name}
		err := json.Unmarshal(body, &v)
		all = append(all, v)
		return err
	})
	return all, err
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

// act does an action; the bodies of its results go to each, if there is one.
func act(ctx context.Context, client flight.Client, action string, body any, each func([]byte) error) error {
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
		if each != nil {
			if err := each(result.GetBody()); err != nil {
				return err
			}
		}
	}
}
