package server

import (
	"bytes"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/wire"
)

func TestPutAndGet(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	stark, lannister := characters(t, "Arya", "Sansa"), characters(t, "Tyrion")
	cases := map[string]struct {
		reason  string
		uploads []upload
		ticket  string
		want    []string
		answers []string // to the last upload, without its last
	}{
		"Create": {
			reason:  "a new name",
			uploads: []upload{{to: command(`{"dataset": "create", "mode": "create"}`), records: []arrow.RecordBatch{stark}}},
			ticket:  "create",
			want:    []string{"Arya", "Sansa"},
		},
		"ReplaceIsTheDefault": {
			reason: "a second upload to a path takes the place of the first",
			uploads: []upload{
				{to: path("replace"), records: []arrow.RecordBatch{stark}},
				{to: path("replace"), records: []arrow.RecordBatch{lannister}},
			},
			ticket: "replace",
			want:   []string{"Tyrion"},
		},
		"AppendByMetadata": {
			reason: "a path carries no mode, the metadata before the first batch does",
			uploads: []upload{
				{to: path("append"), records: []arrow.RecordBatch{stark}},
				{to: path("append"), before: `{"mode": "append"}`, records: []arrow.RecordBatch{lannister}},
			},
			ticket: "append",
			want:   []string{"Arya", "Sansa", "Tyrion"},
		},
		"AppendByMetadataOfTheSchema": {
			reason: "arrow-go puts the first batch's metadata on the schema as well",
			uploads: []upload{
				{to: path("append2"), records: []arrow.RecordBatch{stark}},
				{to: path("append2"), metadata: []string{`{"mode": "append"}`}, records: []arrow.RecordBatch{lannister}},
			},
			ticket:  "append2",
			want:    []string{"Arya", "Sansa", "Tyrion"},
			answers: []string{`{"mode": "append"}`},
		},
		"AppendByCommand": {
			reason: "a command names the dataset as actions do",
			uploads: []upload{
				{to: path("got", "characters"), records: []arrow.RecordBatch{stark}},
				{to: command(`{"dataset": "got/characters", "mode": "append"}`), records: []arrow.RecordBatch{lannister}},
			},
			ticket: "got/characters",
			want:   []string{"Arya", "Sansa", "Tyrion"},
		},
		"OwnMetadata": {
			reason:  "a batch's own metadata is answered, whatever it looks like",
			uploads: []upload{{to: path("own"), records: []arrow.RecordBatch{stark, lannister}, metadata: []string{"0", `{"k": 1}`}}},
			ticket:  "own",
			want:    []string{"Arya", "Sansa", "Tyrion"},
			answers: []string{"0", `{"k": 1}`},
		},
		"AnnouncedRows": {
			reason:  "a client may say how many rows are all",
			uploads: []upload{{to: path("rows"), records: []arrow.RecordBatch{stark}, after: `{"rows": 2}`}},
			ticket:  "rows",
			want:    []string{"Arya", "Sansa"},
		},
		"NoRows": {
			reason:  "a schema alone is a dataset, and DoGet sends it",
			uploads: []upload{{to: path("empty"), schema: stark.Schema()}},
			ticket:  "empty",
		},
		"Parquet": {
			reason:  "the name says the format, the client sees no difference",
			uploads: []upload{{to: path("uploaded.parquet"), records: []arrow.RecordBatch{stark, lannister}}},
			ticket:  "uploaded.parquet",
			want:    []string{"Arya", "Sansa", "Tyrion"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, u := range tc.uploads {
				var err error
				if got, err = doPut(t.Context(), client, u); err != nil {
					t.Fatalf("put: %v: %s", err, tc.reason)
				}
			}
			if diff := cmp.Diff(tc.answers, got[:len(got)-1], cmp.Transformer("empty", nilIfEmpty)); diff != "" {
				t.Errorf("answers: %s\n%s", tc.reason, diff)
			}
			read := must[table](t)(doGet(t.Context(), client, []byte(tc.ticket)))
			if diff := cmp.Diff(tc.want, read.values()); diff != "" {
				t.Errorf("rows: %s\n%s", tc.reason, diff)
			}
			if !read.schema.Equal(stark.Schema()) {
				t.Errorf("schema = %v: %s", read.schema, tc.reason)
			}
		})
	}
}

func nilIfEmpty(s []string) []string {
	if len(s) == 0 {
		return nil
	}
	return s
}

func TestRetriedUploadIsAppliedOnce(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	record := characters(t, "Arya")
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("d"), records: []arrow.RecordBatch{record}}))
	retried := upload{to: command(`{"dataset": "d", "mode": "append", "upload": "u1"}`), records: []arrow.RecordBatch{record}}
	first := must[[]string](t)(doPut(t.Context(), client, retried))
	second := must[[]string](t)(doPut(t.Context(), client, retried))
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("answers differ:\n%s", diff)
	}
	if read := must[table](t)(doGet(t.Context(), client, []byte("d"))); read.rows != 2 {
		t.Errorf("rows = %d, want 2", read.rows)
	}
}

func TestDescribe(t *testing.T) {
	s := testSettings(t)
	s.Advertise = []string{"grpc://flight.example:8815"}
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	record := characters(t, "Arya", "Sansa")
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("got", "characters"), records: []arrow.RecordBatch{record}}))
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("other"), records: []arrow.RecordBatch{record}}))

	info := must[*flight.FlightInfo](t)(client.GetFlightInfo(t.Context(), path("got/characters")))
	if info.GetTotalRecords() != 2 || info.GetTotalBytes() <= 0 {
		t.Errorf("rows = %d, bytes = %d", info.GetTotalRecords(), info.GetTotalBytes())
	}
	if diff := cmp.Diff([]string{"got/characters"}, info.GetFlightDescriptor().GetPath()); diff != "" {
		t.Errorf("descriptor:\n%s", diff)
	}
	endpoint := info.GetEndpoint()[0]
	if len(info.GetEndpoint()) != 1 || endpoint.GetLocation()[0].GetUri() != s.Advertise[0] ||
		endpoint.GetLocation()[1].GetUri() != flight.LocationReuseConnection {
		t.Errorf("endpoints = %v", info.GetEndpoint())
	}
	if left := time.Until(endpoint.GetExpirationTime().AsTime()); left <= 0 || left > settings.TicketLife {
		t.Errorf("the ticket expires in %v", left)
	}
	described := must[*flight.SchemaResult](t)(client.GetSchema(t.Context(), path("got", "characters")))
	for what, encoded := range map[string][]byte{"info": info.GetSchema(), "schema": described.GetSchema()} {
		schema, err := flight.DeserializeSchema(encoded, memory.DefaultAllocator)
		if err != nil || !schema.Equal(record.Schema()) {
			t.Errorf("%s: schema = %v, %v", what, schema, err)
		}
	}
	for criteria, want := range map[string][]string{
		"":                  {"got/characters", "other"},
		"got/":              {"got/characters"},
		`{"prefix": "oth"}`: {"other"},
		"none":              nil,
	} {
		if diff := cmp.Diff(want, must[[]string](t)(list(t.Context(), client, criteria))); diff != "" {
			t.Errorf("criteria %q:\n%s", criteria, diff)
		}
	}
}

func TestTicketPinsTheVersion(t *testing.T) {
	clock := testclock.NewFakeClock(time.Now())
	o := options(testSettings(t))
	o.Clock = clock
	srv, _ := startWith(t, o)
	client := connect(t, srv.URI(), nil, "")
	ctx := t.Context()
	must[[]string](t)(doPut(ctx, client, upload{to: path("d"), records: []arrow.RecordBatch{characters(t, "old")}}))
	ticket := must[*flight.FlightInfo](t)(client.GetFlightInfo(ctx, path("d"))).GetEndpoint()[0].GetTicket().GetTicket()
	must[[]string](t)(doPut(ctx, client, upload{to: path("d"), records: []arrow.RecordBatch{characters(t, "new")}}))

	if diff := cmp.Diff([]string{"old"}, must[table](t)(doGet(ctx, client, ticket)).values()); diff != "" {
		t.Errorf("by ticket:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"new"}, must[table](t)(doGet(ctx, client, []byte("d"))).values()); diff != "" {
		t.Errorf("by name:\n%s", diff)
	}
	tampered := bytes.Replace(ticket, []byte(`"ticket":"e`), []byte(`"ticket":"f`), 1)
	_, err := doGet(ctx, client, tampered)
	wantStatus(t, err, codes.InvalidArgument, "Invalid ticket")

	clock.Step(settings.TicketLife + time.Second)
	_, err = doGet(ctx, client, ticket)
	wantStatus(t, err, codes.InvalidArgument, "Invalid ticket")
}

func TestTicketsOutliveARestart(t *testing.T) {
	s := testSettings(t)
	srv, stop := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("d"), records: []arrow.RecordBatch{characters(t, "Arya")}}))
	ticket := must[*flight.FlightInfo](t)(client.GetFlightInfo(t.Context(), path("d"))).GetEndpoint()[0].GetTicket().GetTicket()
	stop()

	srv, _ = start(t, s)
	read := must[table](t)(doGet(t.Context(), connect(t, srv.URI(), nil, ""), ticket))
	if diff := cmp.Diff([]string{"Arya"}, read.values()); diff != "" {
		t.Errorf("rows:\n%s", diff)
	}
}

func TestActions(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	ctx := t.Context()
	if diff := cmp.Diff([]string{"body"}, must[[]string](t)(act(ctx, client, "echo", "body"))); diff != "" {
		t.Errorf("echo:\n%s", diff)
	}
	for _, body := range []string{`{"dataset": "d"}`, "d"} {
		must[[]string](t)(doPut(ctx, client, upload{to: path("d"), records: []arrow.RecordBatch{characters(t, "x")}}))
		must[[]string](t)(act(ctx, client, "drop_dataset", body))
		if names := must[[]string](t)(list(ctx, client, "")); len(names) > 0 {
			t.Errorf("after a drop by %s: %v", body, names)
		}
	}
	stream := must[flight.FlightService_ListActionsClient](t)(client.ListActions(ctx, &flight.Empty{}))
	first := must[*flight.ActionType](t)(stream.Recv())
	if first.GetType() != "drop_dataset" || first.GetDescription() != "Delete a dataset." {
		t.Errorf("first action = %v", first)
	}
}

func TestLargeBatchesAreSplit(t *testing.T) {
	const rows, width = 4096, 3000 // 12 MiB, which the client sends as one message
	schema := arrow.NewSchema([]arrow.Field{{Name: "text", Type: arrow.BinaryTypes.String}}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for i := range rows {
		// The second half is heavier than the first.
		builder.Field(0).(*array.StringBuilder).Append(string(bytes.Repeat([]byte{'x'}, width*2*i/rows)))
	}
	record := builder.NewRecordBatch()
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("large"), records: []arrow.RecordBatch{record}}))
	read := must[table](t)(doGet(t.Context(), client, []byte("large")))
	if read.rows != rows {
		t.Errorf("rows = %d, want %d", read.rows, rows)
	}
	for i, m := range read.messages {
		if size := len(m.GetDataBody()); size > wire.MaxBodyBytes+1024 {
			t.Errorf("message %d has a body of %d bytes", i, size)
		}
	}
}
