package env

import (
	"context"
	"errors"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// ErrKilled is what every write meets after the one that Writes lets through
// last.
var ErrKilled = errors.New("env: the operator is dead")

// Writes counts the writes that go through its Client, and can end them after
// the n-th: to the API server the operator then looks as if it had died.
type Writes struct {
	Client client.WithWatch

	mu    sync.Mutex
	total int
	since int // of total, at the last KillAfter
	limit int // negative: none
}

// CountWrites wraps a client.
func CountWrites(c client.WithWatch) *Writes {
	w := &Writes{limit: -1}
	w.Client = interceptor.NewClient(c, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return w.do(func() error { return c.Create(ctx, o, opts...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return w.do(func() error { return c.Delete(ctx, o, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return w.do(func() error { return c.Update(ctx, o, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			return w.do(func() error { return c.Patch(ctx, o, p, opts...) })
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			return w.do(func() error { return c.Apply(ctx, o, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			return w.do(func() error { return c.SubResource(sub).Patch(ctx, o, p, opts...) })
		},
	})
	return w
}

// KillAfter lets n more writes through; negative: all.
func (w *Writes) KillAfter(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since, w.limit = w.total, n
}

// Count tells the writes since the start or the last KillAfter.
func (w *Writes) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total - w.since
}

// Total tells all writes.
func (w *Writes) Total() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}

func (w *Writes) do(write func() error) error {
	w.mu.Lock()
	dead := w.limit >= 0 && w.total-w.since >= w.limit
	if !dead {
		w.total++
	}
	w.mu.Unlock()
	if dead {
		return ErrKilled
	}
	return write()
}
