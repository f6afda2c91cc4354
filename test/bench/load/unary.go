package load

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"github.com/flight-operator/flight-operator/test/bench/peers"
	"github.com/flight-operator/flight-operator/test/bench/raw"
)

// Unary makes the smallest call that gRPC has, over the discarding client's
// connections: what a small DoGet is compared with.
type Unary struct{ *Discard }

// Get receives the answer that has no name.
func (c Unary) Get(ctx context.Context, stream int, _ string) (Transfer, error) {
	conn, err := c.connection(stream)
	if err != nil {
		return Transfer{}, err
	}
	answer := &raw.Count{}
	err = conn.Invoke(ctx, peers.UnaryMethod, &flight.Ticket{}, answer)
	return Transfer{Bytes: int64(answer.Bytes)}, err
}
