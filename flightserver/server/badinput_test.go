package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/auth"
)

func TestRefusedUploads(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	ctx := t.Context()
	record, other := characters(t, "Arya"), numbers(t)
	must[[]string](t)(doPut(ctx, client, upload{to: path("there"), records: []arrow.RecordBatch{record}}))
	one := []arrow.RecordBatch{record}
	cases := map[string]struct {
		reason string
		upload upload
		code   codes.Code
		text   string
	}{
		"AppendToNothing":    {"an append extends", upload{to: command(`{"dataset": "missing", "mode": "append"}`), records: one}, codes.NotFound, `dataset not found: "missing"`},
		"CreateTwice":        {"create is for new names", upload{to: command(`{"dataset": "there", "mode": "create"}`), records: one}, codes.AlreadyExists, `"there"`},
		"OtherSchema":        {"an append has the dataset's schema", upload{to: command(`{"dataset": "there", "mode": "append"}`), records: []arrow.RecordBatch{other}}, codes.InvalidArgument, "schema"},
		"DotDot":             {"no name leads out of the directory", upload{to: path("..", "etc"), records: one}, codes.InvalidArgument, `".."`},
		"NUL":                {"no name holds a NUL", upload{to: path("a\x00b"), records: one}, codes.InvalidArgument, "NUL"},
		"EmptySegment":       {"a segment is not empty", upload{to: path("a", "", "b"), records: one}, codes.InvalidArgument, "empty segment"},
		"NoPath":             {"a path is not empty", upload{to: path(), records: one}, codes.InvalidArgument, "name a dataset"},
		"LongName":           {"a name of 1 MB is not quoted whole", upload{to: path(strings.Repeat("x", 1<<20)), records: one}, codes.InvalidArgument, "longer than 1024 bytes"},
		"UnknownMode":        {"three modes there are", upload{to: command(`{"dataset": "x", "mode": "merge"}`), records: one}, codes.InvalidArgument, `"merge"`},
		"UnknownKey":         {"a typing error changes no meaning", upload{to: command(`{"dataset": "x", "moed": "append"}`), records: one}, codes.InvalidArgument, `unknown key "moed"`},
		"UnknownMetadataKey": {"a typing error changes no meaning", upload{to: path("x"), before: `{"moed": "append"}`, records: one}, codes.InvalidArgument, `unknown key "moed"`},
		"SQL":                {"there is no SQL here", upload{to: command(`INSERT INTO x`), records: one}, codes.Unimplemented, "JSON"},
		"TooFewRows":         {"a writer that failed closes its stream like one that is done", upload{to: path("x"), records: one, after: `{"rows": 2}`}, codes.InvalidArgument, "announced 2 rows and sent 1"},
		"LateMode":           {"a mode cannot change under way", upload{to: path("x"), records: one, after: `{"mode": "append"}`}, codes.InvalidArgument, "before the first batch"},
		"NoDescriptor":       {"the data goes somewhere", upload{records: one}, codes.InvalidArgument, "descriptor"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := doPut(ctx, client, tc.upload)
			wantStatus(t, err, tc.code, tc.text)
			names := must[[]string](t)(list(ctx, client, ""))
			if len(names) != 1 || names[0] != "there" {
				t.Errorf("datasets = %v: %s", names, tc.reason)
			}
		})
	}
}

func TestRefusedRequests(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	ctx := t.Context()
	cases := map[string]struct {
		call func() error
		code codes.Code
		text string
	}{
		"GetNothing":      {func() error { _, err := doGet(ctx, client, []byte("nope")); return err }, codes.NotFound, `"nope"`},
		"GetEmpty":        {func() error { _, err := doGet(ctx, client, nil); return err }, codes.InvalidArgument, "name a dataset"},
		"ForeignTicket":   {func() error { _, err := doGet(ctx, client, []byte(`{"sql": "x"}`)); return err }, codes.Unimplemented, "runs no SQL"},
		"ForgedTicket":    {func() error { _, err := doGet(ctx, client, []byte(`{"ticket": "a.b.c"}`)); return err }, codes.InvalidArgument, "Invalid ticket"},
		"InfoOfSQL":       {func() error { _, err := client.GetFlightInfo(ctx, command(`{"sql": "SELECT 1"}`)); return err }, codes.Unimplemented, "no SQL"},
		"InfoOfNothing":   {func() error { _, err := client.GetFlightInfo(ctx, path("nope")); return err }, codes.NotFound, `"nope"`},
		"SchemaOfNothing": {func() error { _, err := client.GetSchema(ctx, path("nope")); return err }, codes.NotFound, `"nope"`},
		"UnknownCriteria": {func() error { _, err := list(ctx, client, `{"like": "x"}`); return err }, codes.InvalidArgument, `unknown key "like"`},
		"UnknownAction":   {func() error { _, err := act(ctx, client, "nope", ""); return err }, codes.Unimplemented, `"nope"`},
		"DropNothing":     {func() error { _, err := act(ctx, client, "drop_dataset", "nope"); return err }, codes.NotFound, `"nope"`},
		"DropUnnamed":     {func() error { _, err := act(ctx, client, "drop_dataset", "{}"); return err }, codes.InvalidArgument, "name a dataset"},
		"AdminAction":     {func() error { _, err := act(ctx, client, "declare_dataset", "{}"); return err }, codes.Unimplemented, "declare_dataset"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) { wantStatus(t, tc.call(), tc.code, tc.text) })
	}
}

// TestBrokenStreams sends messages that no writer makes. The server names the
// message, stores nothing and serves on.
func TestBrokenStreams(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	good := uploadMessages(t, characters(t, "Arya", "Sansa"))
	zipped := uploadMessages(t, characters(t, strings.Repeat("Arya", 100)), ipc.WithZstd())
	cases := map[string]struct {
		reason   string
		messages []*flight.FlightData
		text     string
	}{
		"Nothing":        {"a client may end before it begins", nil, "before its descriptor"},
		"DescriptorOnly": {"a schema must follow", []*flight.FlightData{{FlightDescriptor: path("x")}}, "before its schema"},
		"NoiseSchema":    {"offsets lead anywhere", edited(good, 0, func(d *flight.FlightData) { d.DataHeader = bytes.Repeat([]byte{0xfe}, 100) }), "message 1"},
		"NoiseBatch":     {"offsets lead anywhere", edited(good, 1, func(d *flight.FlightData) { d.DataHeader = bytes.Repeat([]byte{0xfe}, 100) }), "message 2"},
		"BodyCut":        {"buffers must lie in the body", edited(good, 1, func(d *flight.FlightData) { d.DataBody = d.DataBody[:8] }), "message 2"},
		"BodyGone":       {"buffers must lie in the body", edited(good, 1, func(d *flight.FlightData) { d.DataBody = nil }), "message 2"},
		"WrongOffsets":   {"a text ends behind its buffer", edited(good, 1, func(d *flight.FlightData) { d.DataBody = replaced(d.DataBody, 4, 0x7fffffff) }), "message 2"},
		"FallingOffsets": {"a text ends before it begins", edited(good, 1, func(d *flight.FlightData) { d.DataBody = replaced(d.DataBody, 4, 0xfffffff0) }), "message 2"},
		"ForgedSize":     {"decompression would take all memory", edited(zipped, 1, func(d *flight.FlightData) { d.DataBody = forged(d.DataBody) }), "message 2"},
		"BatchFirst":     {"a batch needs a schema", []*flight.FlightData{withDescriptor(good[1])}, "message 1"},
		"SchemaTwice":    {"a stream has one schema", []*flight.FlightData{good[0], good[0]}, "message 2"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			wantStatus(t, putMessages(t, client, tc.messages), codes.InvalidArgument, tc.text)
			if names := must[[]string](t)(list(t.Context(), client, "")); len(names) != 0 {
				t.Errorf("datasets = %v: %s", names, tc.reason)
			}
		})
	}
	if err := putMessages(t, client, good); err != nil {
		t.Errorf("a good upload after the broken ones: %v", err)
	}
}

func TestClientThatDiesLeavesNothing(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	ctx, die := context.WithCancel(t.Context())
	stream := must[flight.FlightService_DoPutClient](t)(client.DoPut(ctx))
	for _, m := range uploadMessages(t, characters(t, "Arya")) {
		if err := stream.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	die()
	for range 50 { // the server learns of it when the reset arrives
		if names := must[[]string](t)(list(t.Context(), client, "")); len(names) != 0 {
			t.Fatalf("datasets = %v", names)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestWriterThatReadsNoAnswers writes metadata until any window is full.
func TestWriterThatReadsNoAnswers(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	u := upload{to: path("deaf")}
	own := strings.Repeat("m", 16<<10)
	for range 200 {
		u.records = append(u.records, characters(t, "Arya"))
		u.metadata = append(u.metadata, own)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := must[[]string](t)(doPut(ctx, client, u)) // reads when all is sent
	if last := got[len(got)-1]; !strings.Contains(last, `"rows":200`) {
		t.Errorf("last answer = %s", last)
	}
}

func TestSecondServerOnOneDirectory(t *testing.T) {
	s := testSettings(t)
	start(t, s)
	if _, err := New(t.Context(), options(s)); err == nil || !strings.Contains(err.Error(), "in use by another server") {
		t.Errorf("New() = %v", err)
	}
}

func TestTakenPort(t *testing.T) {
	s := testSettings(t)
	srv, _ := start(t, s)
	other := testSettings(t)
	other.Listen = srv.dataListener.Addr().String()
	if _, err := New(t.Context(), options(other)); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("New() = %v", err)
	}
	other.Listen = "127.0.0.1:0"
	start(t, other) // the directory was given back
}

func FuzzTicket(f *testing.F) {
	keys, err := auth.OpenKeys(filepath.Join(f.TempDir(), signingKeysFile), true, clock.RealClock{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"ticket": "e30.e30.e30"}`))
	f.Add([]byte(`name`))
	s := &flightService{tickets: &tickets{keys: keys, clock: clock.RealClock{}}}
	f.Fuzz(func(t *testing.T, ticket []byte) {
		if c, err := s.redeem(ticket); err == nil && c.DatasetID != "" {
			t.Errorf("%q was not signed and gives %+v", ticket, c)
		}
	})
}

// uploadMessages are the messages of a good upload to the path "x".
func uploadMessages(t testing.TB, record arrow.RecordBatch, options ...ipc.Option) []*flight.FlightData {
	t.Helper()
	var kept sentMessages
	writer := flight.NewRecordWriter(&kept, append(options, ipc.WithSchema(record.Schema()))...)
	writer.SetFlightDescriptor(path("x"))
	if err := writer.Write(record); err != nil {
		t.Fatal(err)
	}
	return kept
}

type sentMessages []*flight.FlightData

// Send keeps a copy: writers use one message again and again.
func (s *sentMessages) Send(d *flight.FlightData) error {
	*s = append(*s, proto.Clone(d).(*flight.FlightData))
	return nil
}

func putMessages(t *testing.T, client flight.Client, messages []*flight.FlightData) error {
	t.Helper()
	stream := must[flight.FlightService_DoPutClient](t)(client.DoPut(t.Context()))
	for _, m := range messages {
		if stream.Send(m) != nil {
			break // Recv tells why the server ended the stream
		}
	}
	_ = stream.CloseSend()
	_, err := answers(stream)
	return err
}

func edited(messages []*flight.FlightData, i int, edit func(*flight.FlightData)) []*flight.FlightData {
	out := append([]*flight.FlightData(nil), messages...)
	out[i] = proto.Clone(out[i]).(*flight.FlightData)
	edit(out[i])
	return out
}

func withDescriptor(m *flight.FlightData) *flight.FlightData {
	m = proto.Clone(m).(*flight.FlightData)
	m.FlightDescriptor = path("x")
	return m
}

// replaced sets one of the offsets that begin a text column's body.
func replaced(body []byte, at int, offset uint32) []byte {
	binary.LittleEndian.PutUint32(body[at:], offset)
	return body
}

// forged sets the length before the first compressed buffer.
func forged(body []byte) []byte {
	binary.LittleEndian.PutUint64(body, 1<<60)
	return body
}

func numbers(t *testing.T) arrow.RecordBatch {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[{"n": 1}]`))
	if err != nil {
		t.Fatal(err)
	}
	return record
}
