package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// clockStart is when the clock of a test begins, and ticketStep within the life
// of a ticket.
var clockStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const ticketStep = settings.TicketLife / 2

// counted is a table of n rows: id counts, name is the parity.
func counted(t *testing.T, n int) arrow.RecordBatch {
	t.Helper()
	ofField := arrow.NewMetadata([]string{"unit"}, []string{"one"})
	ofSchema := arrow.NewMetadata([]string{"from"}, []string{"a test"})
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64, Metadata: ofField},
		{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
	}, &ofSchema))
	defer b.Release()
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append([]string{"even", "odd"}[i%2])
	}
	return b.NewRecordBatch()
}

// readAll reads the endpoints of an info, one after the other.
func readAll(ctx context.Context, client flight.Client, info *flight.FlightInfo) (table, error) {
	var all table
	for _, e := range info.GetEndpoint() {
		part, err := doGet(ctx, client, e.GetTicket().GetTicket())
		if err != nil {
			return all, err
		}
		all.schema, all.rows = part.schema, all.rows+part.rows
		all.records = append(all.records, part.records...)
		all.messages = append(all.messages, part.messages...)
	}
	return all, nil
}

func TestCommands(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("n"), records: []arrow.RecordBatch{counted(t, 10), counted(t, 4)}}))
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("n"), records: []arrow.RecordBatch{counted(t, 2)}}))
	cases := map[string]struct {
		command string
		columns []string
		want    []string // of the first column
		total   int64
	}{
		"Name":         {`n`, []string{"id", "name"}, []string{"0", "1"}, 2},
		"Dataset":      {`{"dataset": "n"}`, []string{"id", "name"}, []string{"0", "1"}, 2},
		"Columns":      {`{"dataset": "n", "columns": ["name", "id"]}`, []string{"name", "id"}, []string{"even", "odd"}, 2},
		"NoColumns":    {`{"dataset": "n", "columns": []}`, []string{}, nil, 2},
		"Version":      {`{"dataset": "n", "version": 1, "columns": ["id"], "filter": "id > 7"}`, []string{"id"}, []string{"8", "9"}, -1},
		"FilterColumn": {`{"dataset": "n", "version": 1, "columns": ["id"], "filter": "name = 'odd' AND id < 4"}`, []string{"id"}, []string{"1", "3", "1", "3"}, -1},
		"Limit":        {`{"dataset": "n", "version": 1, "limit": 11}`, []string{"id", "name"}, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "0"}, 11},
		"LimitZero":    {`{"dataset": "n", "limit": 0}`, []string{"id", "name"}, nil, 0},
		"LargeLimit":   {`{"dataset": "n", "limit": 100}`, []string{"id", "name"}, []string{"0", "1"}, 2},
		"FilterLimit":  {`{"dataset": "n", "version": 1, "filter": "id >= 3", "limit": 2}`, []string{"id", "name"}, []string{"3", "4"}, -1},
		"NothingLeft":  {`{"dataset": "n", "filter": "id > 100"}`, []string{"id", "name"}, nil, -1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			info := must[*flight.FlightInfo](t)(client.GetFlightInfo(t.Context(), command(tc.command)))
			got := must[table](t)(readAll(t.Context(), client, info))
			schema := must[*flight.SchemaResult](t)(client.GetSchema(t.Context(), command(tc.command)))
			if !bytes.Equal(info.GetSchema(), schema.GetSchema()) {
				t.Error("GetSchema and GetFlightInfo differ")
			}
			if !bytes.Contains(info.GetSchema(), trimmed(got.messages[0].GetDataHeader())) {
				t.Error("the schemas of GetFlightInfo and DoGet differ")
			}
			columns := []string{}
			for _, f := range got.schema.Fields() {
				columns = append(columns, f.Name)
			}
			if diff := cmp.Diff(tc.columns, columns); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
			if len(columns) > 0 && !slices.Equal(tc.want, got.values()) {
				t.Errorf("values = %v, want %v", got.values(), tc.want)
			}
			if info.GetTotalRecords() != tc.total || tc.total >= 0 && got.rows != tc.total {
				t.Errorf("total_records = %d with %d rows, want %d", info.GetTotalRecords(), got.rows, tc.total)
			}
			direct := must[table](t)(doGet(t.Context(), client, []byte(tc.command)))
			if direct.rows != got.rows {
				t.Errorf("the command as a ticket gives %d rows, its tickets %d", direct.rows, got.rows)
			}
		})
	}
}

// trimmed is a schema without what pads it.
func trimmed(b []byte) []byte { return bytes.TrimRight(b, "\x00") }

func TestCommandRefusals(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("n"), records: []arrow.RecordBatch{counted(t, 1)}}))
	cases := map[string]struct {
		command string
		code    codes.Code
		text    string
	}{
		"UnknownKey":    {`{"dataset": "n", "colums": []}`, codes.InvalidArgument, `unknown key "colums"`},
		"NoDataset":     {`{"filter": "id = 1"}`, codes.InvalidArgument, "name a dataset"},
		"BrokenJSON":    {`{"dataset": "n"`, codes.InvalidArgument, "unexpected EOF"},
		"UnknownColumn": {`{"dataset": "n", "columns": ["x"]}`, codes.InvalidArgument, `there is no column "x"`},
		"Twice":         {`{"dataset": "n", "columns": ["id", "id"]}`, codes.InvalidArgument, `"id" is asked for twice`},
		"Filter":        {`{"dataset": "n", "filter": "id = 'a'"}`, codes.InvalidArgument, `position 6: column "id" is int64`},
		"Limit":         {`{"dataset": "n", "limit": -1}`, codes.InvalidArgument, "limit -1 is negative"},
		"Version":       {`{"dataset": "n", "version": 7}`, codes.NotFound, "no version 7"},
		"NotThere":      {`nowhere`, codes.NotFound, "nowhere"},
		"SQL":           {`{"sql": "SELECT 1"}`, codes.Unimplemented, "runs no SQL"},
		"TooLarge":      {strings.Repeat("n", maxCommand+1), codes.InvalidArgument, "at most"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := client.GetFlightInfo(t.Context(), command(tc.command))
			wantStatus(t, err, tc.code, tc.text)
			_, err = doGet(t.Context(), client, []byte(tc.command))
			wantStatus(t, err, tc.code, tc.text)
		})
	}
}

// TestFilterIsGathered wants few batches where a filter leaves little of many.
func TestFilterIsGathered(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	batches := slices.Repeat([]arrow.RecordBatch{counted(t, 100)}, 50)
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("n"), records: batches}))
	got := must[table](t)(doGet(t.Context(), client, []byte(`{"dataset": "n", "filter": "id = 7"}`)))
	if got.rows != 50 || len(got.records) != 1 {
		t.Errorf("%d rows in %d batches, want 50 in one", got.rows, len(got.records))
	}
}

func TestUnknownSchemaIsMarked(t *testing.T) {
	schema, err := flight.DeserializeSchema(schemaBytes(nil), memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	if value, _ := schema.Metadata().GetValue(schemaMarker); schema.NumFields() != 0 || value != schemaUnknown {
		t.Errorf("schema = %v", schema)
	}
}

func TestCriteria(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	for i, name := range []string{"a/one", "a/two", "b/three"} {
		must[[]string](t)(doPut(t.Context(), client, upload{to: path(name), records: []arrow.RecordBatch{counted(t, i+1)}}))
	}
	for criteria, want := range map[string][]string{
		`{"prefix": "a/", "where": "rows > 1"}`:                                    {"a/two"},
		`{"where": "name IN ('a/one', 'b/three')"}`:                                {"a/one", "b/three"},
		`{"where": "format = 'Arrow' AND version = 1 AND created > '2020-01-01'"}`: {"a/one", "a/two", "b/three"},
	} {
		got := must[[]string](t)(list(t.Context(), client, criteria))
		if !slices.Equal(got, want) {
			t.Errorf("criteria %s: %v, want %v", criteria, got, want)
		}
	}
	_, err := list(t.Context(), client, `{"where": "size > 1"}`)
	wantStatus(t, err, codes.InvalidArgument, `position 1: there is no column "size"`)
}

func TestPoll(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("n"), records: []arrow.RecordBatch{counted(t, 10)}}))
	t.Run("AtOnce", func(t *testing.T) {
		poll := must[*flight.PollInfo](t)(client.PollFlightInfo(t.Context(), path("n")))
		if poll.GetProgress() != 1 || poll.GetFlightDescriptor() != nil || poll.GetInfo().GetTotalRecords() != 10 {
			t.Errorf("poll = %v", poll)
		}
	})
	t.Run("Filter", func(t *testing.T) {
		poll := must[*flight.PollInfo](t)(client.PollFlightInfo(t.Context(), command(`{"dataset": "n", "filter": "id > 5"}`)))
		var older *flight.FlightDescriptor
		for poll.GetFlightDescriptor() != nil {
			older = poll.GetFlightDescriptor()
			poll = must[*flight.PollInfo](t)(client.PollFlightInfo(t.Context(), older))
		}
		if poll.GetProgress() != 1 || poll.GetInfo().GetTotalRecords() != 4 {
			t.Errorf("poll = %v", poll)
		}
		got := must[table](t)(readAll(t.Context(), client, poll.GetInfo()))
		if got.rows != 4 {
			t.Errorf("%d rows, want 4", got.rows)
		}
	})
	t.Run("Partitions", func(t *testing.T) {
		id := decode[parallelResult](t, must[[]string](t)(act(t.Context(), client, "StartParallelUpload", `{"dataset": "parts"}`))[0]).Upload
		for range 3 {
			to := command(fmt.Sprintf(`{"dataset": "parts", "upload": %q}`, id))
			must[[]string](t)(doPut(t.Context(), client, upload{to: to, records: []arrow.RecordBatch{counted(t, 10)}}))
		}
		must[[]string](t)(act(t.Context(), client, "FinishParallelUpload", fmt.Sprintf(`{"upload": %q}`, id)))
		wantGrowing(t, client, command(`{"dataset": "parts", "filter": "id > 5"}`), 3, 4)
	})
	t.Run("AnotherServers", func(t *testing.T) {
		elsewhere := command(`{"poll": "x", "seen": 3, "command": {"dataset": "n", "filter": "id > 5"}}`)
		poll := must[*flight.PollInfo](t)(client.PollFlightInfo(t.Context(), elsewhere))
		if got := string(poll.GetInfo().GetFlightDescriptor().GetCmd()); got != `{"dataset": "n", "filter": "id > 5"}` {
			t.Errorf("descriptor = %s", got)
		}
	})
}

// wantGrowing polls to the end. Each answer's endpoints begin with those before,
// and can be read at once; the first descriptor is still taken at the end.
func wantGrowing(t *testing.T, client flight.Client, descriptor *flight.FlightDescriptor, endpoints int, rows int64) {
	t.Helper()
	poll := must[*flight.PollInfo](t)(client.PollFlightInfo(t.Context(), descriptor))
	first := poll.GetFlightDescriptor()
	var seen []string
	for {
		var now []string
		for _, e := range poll.GetInfo().GetEndpoint() {
			now = append(now, string(e.GetAppMetadata()))
			if got := must[table](t)(doGet(t.Context(), client, e.GetTicket().GetTicket())); got.rows != rows {
				t.Errorf("an endpoint gives %d rows, want %d", got.rows, rows)
			}
		}
		if len(now) < len(seen) || !slices.Equal(now[:len(seen)], seen) {
			t.Errorf("the endpoints were %v and are %v", seen, now)
		}
		seen = now
		if poll.GetFlightDescriptor() == nil {
			break
		}
		poll = must[*flight.PollInfo](t)(client.PollFlightInfo(t.Context(), poll.GetFlightDescriptor()))
	}
	if len(seen) != endpoints {
		t.Errorf("%d endpoints, want %d", len(seen), endpoints)
	}
	if first != nil {
		again := must[*flight.PollInfo](t)(client.PollFlightInfo(t.Context(), first))
		if len(again.GetInfo().GetEndpoint()) != endpoints || again.GetFlightDescriptor() != nil {
			t.Errorf("the first descriptor gives %v", again)
		}
	}
}

func TestPollsAreTheirOwners(t *testing.T) {
	p := newPolls(testclock.NewFakePassiveClock(clockStart))
	defer p.stop()
	for i := range maxRunningOf {
		if _, err := p.begin(plan{id: fmt.Sprint(i)}, command("x"), "arya"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.begin(plan{id: "more"}, command("x"), "arya"); !errors.Is(err, errTooManyPolls) {
		t.Errorf("begin() = %v, want %v", err, errTooManyPolls)
	}
	if p.find("0", "sansa") != nil || p.cancel("0", "sansa") {
		t.Error("another caller reaches it")
	}
	if !p.cancel("0", "arya") || p.cancel("0", "arya") {
		t.Error("its owner cancels it, once")
	}
	if at := p.find("0", "arya").now(); !errors.Is(at.err, errFlightCancelled) {
		t.Errorf("error = %v, want %v", at.err, errFlightCancelled)
	}
	if _, err := p.begin(plan{id: "more"}, command("x"), "arya"); err != nil {
		t.Errorf("begin() after one ended: %v", err)
	}
}

func TestCancelAndRenew(t *testing.T) {
	o := options(testSettings(t))
	clock := testclock.NewFakeClock(clockStart)
	o.Clock = clock
	srv, _ := startWith(t, o)
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("n"), records: []arrow.RecordBatch{counted(t, 1)}}))
	info := must[*flight.FlightInfo](t)(client.GetFlightInfo(t.Context(), path("n")))

	clock.SetTime(clockStart.Add(ticketStep))
	renewed := must[*flight.FlightEndpoint](t)(client.RenewFlightEndpoint(t.Context(), &flight.RenewFlightEndpointRequest{Endpoint: info.GetEndpoint()[0]}))
	if !renewed.GetExpirationTime().AsTime().After(info.GetEndpoint()[0].GetExpirationTime().AsTime()) {
		t.Error("the renewed endpoint expires no later")
	}
	must[table](t)(doGet(t.Context(), client, renewed.GetTicket().GetTicket()))

	for _, want := range []flight.CancelStatus{flight.CancelStatusCancelled, flight.CancelStatusNotCancellable} {
		result := must[*flight.CancelFlightInfoResult](t)(client.CancelFlightInfo(t.Context(), &flight.CancelFlightInfoRequest{Info: info}))
		if result.GetStatus() != want {
			t.Errorf("status = %v, want %v", result.GetStatus(), want)
		}
	}
	for _, ticket := range [][]byte{info.GetEndpoint()[0].GetTicket().GetTicket(), renewed.GetTicket().GetTicket()} {
		_, err := doGet(t.Context(), client, ticket)
		wantStatus(t, err, codes.InvalidArgument, "Invalid ticket")
	}
	_, err := client.RenewFlightEndpoint(t.Context(), &flight.RenewFlightEndpointRequest{Endpoint: renewed})
	wantStatus(t, err, codes.InvalidArgument, "Invalid ticket")
}

func TestCancelEndsReading(t *testing.T) {
	f := newFlights(testclock.NewFakePassiveClock(clockStart))
	var c claims
	c.RegisteredClaims.ID = "id"
	ctx, done, err := f.begin(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	f.cancel("id", clockStart)
	<-ctx.Done()
	if err := reasonFor(ctx, ctx.Err()); !errors.Is(err, errFlightCancelled) {
		t.Errorf("error = %v, want %v", err, errFlightCancelled)
	}
	done()
	if len(f.mu.running) != 0 {
		t.Error("a call that has ended is kept")
	}
}

func TestEcho(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	stream := must[flight.FlightService_DoExchangeClient](t)(client.DoExchange(t.Context()))
	sent := []*flight.FlightData{
		{FlightDescriptor: command("echo")},
		{AppMetadata: []byte("alone")},
		{DataHeader: trimPrefix(schemaBytes(counted(t, 1).Schema())), AppMetadata: []byte("schema")},
	}
	for i, data := range sent {
		if err := stream.Send(data); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			continue // it holds the descriptor alone
		}
		got := must[*flight.FlightData](t)(stream.Recv())
		if !bytes.Equal(got.GetDataHeader(), data.GetDataHeader()) || !bytes.Equal(got.GetAppMetadata(), data.GetAppMetadata()) {
			t.Errorf("message %d came back as %v", i, got)
		}
	}
	if err := stream.Send(&flight.FlightData{DataHeader: []byte("no flatbuffer")}); err != nil {
		t.Fatal(err)
	}
	_, err := stream.Recv()
	wantStatus(t, err, codes.InvalidArgument, "message 4: malformed Arrow IPC message")
}

// trimPrefix leaves the flatbuffer of an encapsulated message.
func trimPrefix(message []byte) []byte { return message[8:] }

func TestExchangeRefusals(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	for name, tc := range map[string]struct {
		descriptor *flight.FlightDescriptor
		code       codes.Code
		text       string
	}{
		"Path":    {path("n"), codes.InvalidArgument, "nothing is exchanged with a path"},
		"SQL":     {command(`{"sql": "SELECT a FROM input"}`), codes.Unimplemented, "runs no SQL"},
		"Unknown": {command("shout"), codes.InvalidArgument, `there is one: "echo"`},
		"None":    {nil, codes.InvalidArgument, "carries a command"},
	} {
		t.Run(name, func(t *testing.T) {
			stream := must[flight.FlightService_DoExchangeClient](t)(client.DoExchange(t.Context()))
			if err := stream.Send(&flight.FlightData{FlightDescriptor: tc.descriptor}); err != nil {
				t.Fatal(err)
			}
			_, err := stream.Recv()
			wantStatus(t, err, tc.code, tc.text)
		})
	}
}

func FuzzCommand(f *testing.F) {
	for _, seed := range []string{`n`, `{"dataset": "n", "columns": ["id"], "filter": "id = 1", "limit": 3, "version": 1}`, `{"sql": ""}`, `{`} {
		f.Add([]byte(seed))
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := readQuery(body)
		if err == nil {
			_, err = q.fit(schema)
		}
		if code := status.Code(toStatus(err, "")); code == codes.Internal {
			t.Errorf("error %v has no code", err)
		}
		if _, err := json.Marshal(q); err != nil {
			t.Errorf("a ticket cannot hold it: %v", err)
		}
	})
}
