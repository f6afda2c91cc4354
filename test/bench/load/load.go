// Package load has the clients of the benchmark: cheap ones, so that a server
// shows what it can do, and real ones, which show what their users get.
package load

import (
	"context"
	"crypto/tls"
	"time"
)

// readBuffer is what a client asks of its socket at once.
const readBuffer = 1 << 20

// Target is a server.
type Target struct {
	Address string // HOST:PORT
	TLS     *tls.Config
}

// Transfer is what a call has moved.
type Transfer struct {
	Bytes int64
	// Took is the time by the clock of a client in another process; zero: the
	// caller's own clock tells.
	Took time.Duration
}

// Getter reads datasets. Streams with different numbers have a connection each,
// which is kept for the next call.
type Getter interface {
	Get(ctx context.Context, stream int, dataset string) (Transfer, error)
	Close() error
}
