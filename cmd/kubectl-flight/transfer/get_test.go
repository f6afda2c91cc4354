package transfer

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/cmd/kubectl-flight/formats"
)

// endpoints are tickets "0", "1" and so on, with a hundred numbers each.
func endpoints(n int, ordered bool, locations ...string) *flight.FlightInfo {
	info := &flight.FlightInfo{
		Schema:       flight.SerializeSchema(numbers, memory.DefaultAllocator),
		TotalRecords: int64(n) * 100,
		Ordered:      ordered,
	}
	for i := range n {
		e := &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: []byte{'0' + byte(i)}}}
		for _, l := range locations {
			e.Location = append(e.Location, &flight.Location{Uri: l})
		}
		info.Endpoint = append(info.Endpoint, e)
	}
	return info
}

// hundred sends the numbers of an endpoint, the first endpoint's last.
func hundred(ticket string, w *flight.Writer) error {
	if ticket == "0" {
		time.Sleep(50 * time.Millisecond)
	}
	for i := range int64(10) {
		if err := w.Write(count(int64(ticket[0]-'0')*100+i*10, 10)); err != nil {
			return err
		}
	}
	return nil
}

func download(t *testing.T, c Connections, d Download) (*collected, error) {
	t.Helper()
	out := &collected{}
	d.Dataset = "a/b"
	d.Open = func(*arrow.Schema, int64) (formats.Writer, error) { return out, nil }
	_, err := Get(t.Context(), c, d)
	return out, err
}

func TestGet(t *testing.T) {
	tests := map[string]struct {
		reason   string
		info     *flight.FlightInfo
		limit    int64
		parallel int
		rows     int
		sorted   bool
	}{
		"One":          {"the common case", endpoints(1, false), -1, 4, 100, true},
		"Ordered":      {"endpoints are written in their order", endpoints(5, true), -1, 3, 500, true},
		"OneAtATime":   {"no parallel reading", endpoints(3, true), -1, 1, 300, true},
		"Unordered":    {"all rows in any order", endpoints(5, false), -1, 2, 500, false},
		"None":         {"a dataset without endpoints", endpoints(0, false), -1, 4, 0, true},
		"Limit":        {"in the middle of a batch", endpoints(3, true), 105, 2, 105, true},
		"LimitNothing": {"just the schema", endpoints(2, true), 0, 2, 0, true},
		"LimitBeyond":  {"more than there is", endpoints(2, true), 1000, 2, 200, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := start(t, &scripted{info: func() *flight.FlightInfo { return tc.info }, get: hundred})
			out, err := download(t, c, Download{Limit: tc.limit, Parallel: tc.parallel})
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if len(out.numbers) != tc.rows || !out.closed {
				t.Errorf("%s: got %d rows, closed: %v", tc.reason, len(out.numbers), out.closed)
			}
			if tc.sorted && !slices.IsSorted(out.numbers) {
				t.Errorf("%s: out of order: %v", tc.reason, out.numbers)
			}
			slices.Sort(out.numbers)
			if len(slices.Compact(out.numbers)) != tc.rows {
				t.Errorf("%s: rows came twice", tc.reason)
			}
		})
	}
}

// What is not whole is not closed, so that the file never gets its name.
func TestGetBreaksOff(t *testing.T) {
	tests := map[string]struct {
		get  func(ticket string, w *flight.Writer) error
		want string
	}{
		"Error": {func(ticket string, w *flight.Writer) error {
			if ticket == "1" {
				return status.Error(codes.DataLoss, "a segment is damaged")
			}
			return hundred(ticket, w)
		}, "a segment is damaged"},
		"TooFewRows": {func(ticket string, w *flight.Writer) error {
			if ticket == "1" {
				return w.Write(count(0, 1))
			}
			return hundred(ticket, w)
		}, "announced 300 rows"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			for _, ordered := range []bool{true, false} {
				c := start(t, &scripted{info: func() *flight.FlightInfo { return endpoints(3, ordered) }, get: tc.get})
				out, err := download(t, c, Download{Limit: -1, Parallel: 2})
				if err == nil || !strings.Contains(err.Error(), tc.want) || out.closed {
					t.Errorf("ordered %v: got %v, closed: %v", ordered, err, out.closed)
				}
			}
		})
	}
}

type fullDisk struct{ collected }

func (*fullDisk) Write(arrow.RecordBatch) error { return errors.New("no space left") }

func TestGetCannotWrite(t *testing.T) {
	c := start(t, &scripted{info: func() *flight.FlightInfo { return endpoints(3, false) }, get: hundred})
	_, err := Get(t.Context(), c, Download{
		Dataset: "a", Limit: -1, Parallel: 2,
		Open: func(*arrow.Schema, int64) (formats.Writer, error) { return &fullDisk{}, nil },
	})
	if err == nil || err.Error() != "no space left" {
		t.Errorf("got %v", err)
	}
}

func TestGetLocations(t *testing.T) {
	info := func() *flight.FlightInfo {
		return endpoints(2, true, "grpc://gone:1", "grpc://broken:1", "grpc://good:1", flight.LocationReuseConnection)
	}
	refuse := func(string, *flight.Writer) error { return status.Error(codes.Unavailable, "starting") }
	broken := start(t, &scripted{get: refuse})
	good := start(t, &scripted{get: hundred})
	asked := start(t, &scripted{info: info, get: refuse})
	asked.locations = map[string]flight.Client{"grpc://broken:1": broken.client, "grpc://good:1": good.client}
	out, err := download(t, asked, Download{Limit: -1, Parallel: 2})
	if err != nil || len(out.numbers) != 200 {
		t.Errorf("got %d rows, %v", len(out.numbers), err)
	}

	// Without any location that answers, the connection at hand is used.
	asked = start(t, &scripted{info: info, get: hundred})
	out, err = download(t, asked, Download{Limit: -1, Parallel: 2})
	if err != nil || len(out.numbers) != 200 {
		t.Errorf("got %d rows, %v", len(out.numbers), err)
	}
}
