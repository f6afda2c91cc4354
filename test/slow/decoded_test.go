package slow

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// decodedBatches are more than a slow client and its socket take.
const decodedBatches = 32

// decodedTickets are for what has to be decoded or copied before it is sent.
var decodedTickets = []string{
	`{"dataset": "compressed", "columns": ["n"]}`,
	`{"dataset": "large", "filter": "n > 0"}`,
	`{"dataset": "large.parquet"}`,
}

// declareCompressed declares a dataset in a directory that no server has open.
func declareCompressed(t *testing.T, dir string) {
	t.Helper()
	c, err := catalog.Open(t.Context(), catalog.Options{
		Dir: dir, Clock: clock.RealClock{}, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Declare(t.Context(), catalog.Declaration{
		Path: []string{"compressed"}, Policy: catalog.Policy{Compression: catalog.CompressionZSTD},
	})
	if err := errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
}
