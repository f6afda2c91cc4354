package transport

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/stats"
)

// counter notes what a server tells of itself.
type counter struct {
	connections, open atomic.Int64

	mu    sync.Mutex
	calls []string
}

func (c *counter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (c *counter) HandleConn(_ context.Context, s stats.ConnStats) {
	switch s.(type) {
	case *stats.ConnBegin:
		c.connections.Add(1)
		c.open.Add(1)
	case *stats.ConnEnd:
		c.open.Add(-1)
	}
}

func (c *counter) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (c *counter) HandleRPC(_ context.Context, s stats.RPCStats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, fmt.Sprintf("%T", s))
}

func (c *counter) told() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// TestStats tells of a call what gRPC's handlers want to know.
func TestStats(t *testing.T) {
	watched := &counter{}
	_, address := serve(t, Options{Stats: watched})
	c := dialRaw(t, address)
	c.unary(1, 10)
	if got := c.answer(1); got != "200 status 0, 19 bytes" {
		t.Error(got)
	}
	want := []string{"*stats.Begin", "*stats.InHeader", "*stats.InPayload", "*stats.OutPayload", "*stats.End"}
	until(t, "the end of the call", func() bool { return slices.Equal(watched.told(), want) })
	c.Close()
	until(t, "the end of the connection", func() bool { return watched.open.Load() == 0 })
}
