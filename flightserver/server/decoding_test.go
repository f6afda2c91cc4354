package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// decodedRows are a MiB, of which a client that does not read takes a part.
const decodedRows = 1 << 17

// decodedReads are tickets for what putDecoded puts, with the bytes that a reader
// has who takes nothing of four records.
var decodedReads = map[string]struct {
	reason, ticket string
	least, most    int64
}{
	"Plain":      {"it is sent from where it lies", "plain", 0, 0},
	"Columns":    {"they are chosen, not copied", `{"dataset": "plain", "columns": ["n"]}`, 0, 0},
	"Stored":     {"bodies are sent as they are stored", "compressed", 0, 0},
	"Compressed": {"a record is decoded", `{"dataset": "compressed", "columns": ["n"]}`, leastDecoded, leastDecoded},
	"Filter":     {"what it leaves is copied", `{"dataset": "plain", "filter": "n > 0"}`, leastDecoded, leastDecoded},
	"Parquet":    {"records are decoded and encoded", "d.parquet", leastDecoded, 16 << 20},
}

func putDecoded(t *testing.T, srv *Server, client flight.Client) {
	t.Helper()
	compressed := catalog.Declaration{Path: []string{"compressed"}, Policy: catalog.Policy{Compression: catalog.CompressionLZ4}}
	must[catalog.Dataset](t)(srv.catalog.Declare(t.Context(), compressed))
	record := sequence(t, decodedRows)
	for _, name := range []string{"plain", "compressed", "d.parquet"} {
		must[[]string](t)(doPut(t.Context(), client, upload{to: path(name), records: []arrow.RecordBatch{record, record, record, record}}))
	}
}

// inFlight is what the metric says.
func inFlight(t *testing.T, srv *Server) int64 {
	t.Helper()
	_, line, _ := strings.Cut(scrape(t, srv), "\nflightserver_in_flight_bytes ")
	var n float64
	if _, err := fmt.Sscan(line, &n); err != nil {
		t.Fatal(err)
	}
	return int64(n)
}

// startUncached has each read of Parquet decode it.
func startUncached(t *testing.T, edit func(*settings.Limits)) (*Server, flight.Client) {
	t.Helper()
	s := testSettings(t)
	s.HTTPListen = "127.0.0.1:0"
	s.Storage.Cache = resource.Quantity{}
	edit(&s.Limits)
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	putDecoded(t, srv, client)
	return srv, client
}

func TestWhatReadersHaveDecodedCounts(t *testing.T) {
	ends := map[string]func(*testing.T, context.CancelFunc, flight.Client, flight.FlightService_DoGetClient){
		"Cancelled": func(_ *testing.T, cancel context.CancelFunc, _ flight.Client, _ flight.FlightService_DoGetClient) {
			cancel()
		},
		"Gone": func(_ *testing.T, _ context.CancelFunc, client flight.Client, _ flight.FlightService_DoGetClient) {
			_ = client.Close()
		},
		"ToTheEnd": func(t *testing.T, _ context.CancelFunc, _ flight.Client, stream flight.FlightService_DoGetClient) {
			var err error
			for err == nil {
				_, err = stream.Recv()
			}
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
		},
	}
	srv, _ := startUncached(t, func(*settings.Limits) {})
	for name, tc := range decodedReads {
		for end, how := range ends {
			t.Run(name+"/"+end, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				slow := connect(t, srv.URI(), nil, "")
				stream := must[flight.FlightService_DoGetClient](t)(slow.DoGet(ctx, &flight.Ticket{Ticket: []byte(tc.ticket)}))
				for range 2 { // the schema and a record
					must[*flight.FlightData](t)(stream.Recv())
				}
				eventually(t, "the reader has what it needs: "+tc.reason, func() bool {
					n := inFlight(t, srv)
					return tc.least <= n && n <= tc.most
				})
				how(t, cancel, slow, stream)
				eventually(t, "all is given back", func() bool { return inFlight(t, srv) == 0 })
			})
		}
	}
}

// TestReadersWaitForMemoryOnlySoLong has another reader hold all that readers
// may have.
func TestReadersWaitForMemoryOnlySoLong(t *testing.T) {
	srv, client := startUncached(t, func(l *settings.Limits) { l.Wait = metav1.Duration{Duration: time.Millisecond} })
	another := srv.guards.decoded.Holding("another", 0)
	another.Add(srv.guards.decoded.Size())
	for name, tc := range decodedReads {
		t.Run(name, func(t *testing.T) {
			got, err := doGet(t.Context(), client, []byte(tc.ticket))
			if tc.least > 0 {
				wantRefusal(t, err, "IN_FLIGHT_LIMIT", "of the limit inFlight")
			} else if err != nil || got.rows < 4*decodedRows {
				t.Errorf("%d rows, %v: %s", got.rows, err, tc.reason)
			}
		})
	}
	link := linkOf(t, client, "d.parquet")
	if answer, body := ask(t, http.MethodGet, link, ""); answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "inFlight") {
		t.Errorf("a link answers %d: %s", answer.StatusCode, body)
	}
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("d"), records: []arrow.RecordBatch{characters(t, "Arya")}}))
	another.Close()
	must[table](t)(doGet(t.Context(), client, []byte("d.parquet")))
}

func TestAReaderWaitsForMemory(t *testing.T) {
	srv, client := startUncached(t, func(l *settings.Limits) { l.Wait = metav1.Duration{Duration: time.Hour} })
	another := srv.guards.decoded.Holding("another", 0)
	another.Add(srv.guards.decoded.Size())
	read := make(chan error, 1)
	go func() {
		_, err := doGet(t.Context(), client, []byte("d.parquet"))
		read <- err
	}()
	eventually(t, "the reader waits", func() bool { return strings.Contains(scrape(t, srv), "flightserver_in_flight_waiting 1\n") })
	another.Close()
	if err := <-read; err != nil {
		t.Error(err)
	}
}
