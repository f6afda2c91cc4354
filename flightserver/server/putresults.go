package server

import (
	"github.com/apache/arrow-go/v18/arrow/flight"
)

// maxUnsentResults bounds the answers that wait for a client to read them. One
// that wants them reads as it writes; one that does not must not be waited for.
const maxUnsentResults = 64

// results answers an upload's batches while it goes on. A client that reads no
// answers fills the stream's window, and a Send in the upload's own goroutine
// would then wait for a client that waits for it.
type results struct {
	stream flight.FlightService_DoPutServer
	queue  chan []byte
	sent   chan error // the first failure, or nil, when the queue is done
	closed bool       // the queue is
}

// sendResults starts the answers to an upload, which end by finish or abandon.
func (s *flightService) sendResults(stream flight.FlightService_DoPutServer) *results {
	r := &results{stream: stream, queue: make(chan []byte, maxUnsentResults), sent: make(chan error, 1)}
	s.background.Go(r.run)
	return r
}

func (r *results) run() {
	var err error
	for metadata := range r.queue {
		if err == nil {
			err = r.stream.Send(&flight.PutResult{AppMetadata: metadata})
		}
	}
	r.sent <- err
}

// offer answers at once with a batch's own metadata. Once a client has let many
// answers lie, further ones are left out.
func (r *results) offer(metadata []byte) {
	select {
	case r.queue <- metadata:
	default:
	}
}

// finish sends the last answer behind all others. The client has sent all it
// wants by now, so it can be waited for.
func (r *results) finish(metadata []byte) error {
	r.queue <- metadata
	r.abandon()
	return <-r.sent
}

// abandon ends the answers without a last one, unless they have ended. A Send
// that hangs ends with the call.
func (r *results) abandon() {
	if !r.closed {
		r.closed = true
		close(r.queue)
	}
}
