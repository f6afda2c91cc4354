package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func decode[T any](t *testing.T, text string) (out T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return out
}

func stored(t *testing.T, client flight.Client, to *flight.FlightDescriptor, names ...string) {
	t.Helper()
	must[[]string](t)(doPut(t.Context(), client, upload{to: to, records: []arrow.RecordBatch{characters(t, names...)}}))
}

func TestVersionsOfADataset(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client, ctx := connect(t, srv.URI(), nil, ""), t.Context()
	stored(t, client, path("got"), "Arya")
	stored(t, client, path("got"), "Tyrion", "Cersei")
	var rows []int64
	var numbers []uint64
	for _, body := range must[[]string](t)(act(ctx, client, "list_versions", "got")) {
		v := decode[versionResult](t, body)
		rows, numbers = append(rows, v.Rows), append(numbers, v.Version)
		if v.Bytes <= 0 || v.Created.IsZero() {
			t.Errorf("version = %+v", v)
		}
	}
	if diff := cmp.Diff([]int64{1, 2}, rows); diff != "" {
		t.Fatalf("rows:\n%s", diff)
	}
	body := fmt.Sprintf(`{"dataset": "got", "version": %d}`, numbers[0])
	restored := decode[putResult](t, must[[]string](t)(act(ctx, client, "restore_version", body))[0])
	if restored.Rows != 1 || restored.Version <= numbers[1] {
		t.Errorf("restored = %+v", restored)
	}
	if got := must[table](t)(doGet(ctx, client, []byte("got"))).values(); !slices.Equal(got, []string{"Arya"}) {
		t.Errorf("rows = %v", got)
	}
	_, err := act(ctx, client, "restore_version", `{"dataset": "got", "version": 99}`)
	wantStatus(t, err, codes.NotFound, "99")
}

func TestRename(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client, ctx := connect(t, srv.URI(), nil, ""), t.Context()
	stored(t, client, path("stark"), "Arya")
	stored(t, client, path("lannister"), "Tyrion")
	_, err := act(ctx, client, "rename_dataset", `{"from": "stark", "to": "lannister"}`)
	wantStatus(t, err, codes.AlreadyExists, "lannister")
	_, err = act(ctx, client, "rename_dataset", `{"from": "greyjoy", "to": "iron"}`)
	wantStatus(t, err, codes.NotFound, "greyjoy")
	must[[]string](t)(act(ctx, client, "rename_dataset", `{"from": "stark", "to": "north/stark"}`))
	if got := must[table](t)(doGet(ctx, client, []byte("north/stark"))).values(); !slices.Equal(got, []string{"Arya"}) {
		t.Errorf("rows = %v", got)
	}
	_, err = doGet(ctx, client, []byte("stark"))
	wantStatus(t, err, codes.NotFound, "stark")
}

func TestPin(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client, ctx := connect(t, srv.URI(), nil, ""), t.Context()
	stored(t, client, path("got"), "Arya")
	for _, action := range []string{"pin", "pin", "unpin", "unpin"} {
		if results := must[[]string](t)(act(ctx, client, action, `{"dataset": "got"}`)); len(results) > 0 {
			t.Errorf("%s: results = %v", action, results)
		}
		_, err := act(ctx, client, action, "none")
		wantStatus(t, err, codes.NotFound, "none")
	}
}

func TestParallelUpload(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client, ctx := connect(t, srv.URI(), nil, ""), t.Context()
	begin := func(body string) string {
		return decode[parallelResult](t, must[[]string](t)(act(ctx, client, "StartParallelUpload", body))[0]).Upload
	}
	id := begin(`{"dataset": "got/all"}`)
	part := command(fmt.Sprintf(`{"dataset": "got/all", "upload": %q}`, id))
	stored(t, client, part, "Arya", "Sansa")
	stored(t, client, part, "Tyrion")
	if got := must[[]string](t)(list(ctx, client, "")); len(got) > 0 {
		t.Errorf("before the end there is %v", got)
	}
	finish := fmt.Sprintf(`{"upload": %q}`, id)
	done := decode[putResult](t, must[[]string](t)(act(ctx, client, "FinishParallelUpload", finish))[0])
	again := decode[putResult](t, must[[]string](t)(act(ctx, client, "FinishParallelUpload", finish))[0])
	if done.Rows != 3 || done != again {
		t.Errorf("finished = %+v, again %+v", done, again)
	}

	id = begin(`{"dataset": "got/all", "mode": "append"}`)
	stored(t, client, command(fmt.Sprintf(`{"dataset": "got/all", "mode": "append", "upload": %q}`, id)), "Jon")
	must[[]string](t)(act(ctx, client, "AbortParallelUpload", fmt.Sprintf(`{"upload": %q}`, id)))
	_, err := act(ctx, client, "FinishParallelUpload", fmt.Sprintf(`{"upload": %q}`, id))
	wantStatus(t, err, codes.InvalidArgument, "bad parallel upload")
	info := must[*flight.FlightInfo](t)(client.GetFlightInfo(ctx, path("got", "all")))
	if info.GetTotalRecords() != 3 {
		t.Errorf("rows = %d, want 3", info.GetTotalRecords())
	}
}

// TestPartsInTheirOrder reads by a plain name what several streams wrote, with
// the app_metadata of their batches.
func TestPartsInTheirOrder(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client, ctx := connect(t, srv.URI(), nil, ""), t.Context()
	id := decode[parallelResult](t, must[[]string](t)(act(ctx, client, "StartParallelUpload", `{"dataset": "got"}`))[0]).Upload
	for _, n := range []int{2, 0, 1} {
		to := command(fmt.Sprintf(`{"dataset": "got", "upload": %q, "part": %d}`, id, n))
		names := []arrow.RecordBatch{characters(t, []string{"Arya", "Bran", "Catelyn"}[n])}
		must[[]string](t)(doPut(ctx, client, upload{to: to, records: names, metadata: []string{fmt.Sprint("of ", n)}}))
	}
	must[[]string](t)(act(ctx, client, "FinishParallelUpload", fmt.Sprintf(`{"upload": %q}`, id)))
	got := must[table](t)(doGet(ctx, client, []byte("got")))
	if diff := cmp.Diff([]string{"Arya", "Bran", "Catelyn"}, got.values()); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	var metadata []string
	for _, m := range got.messages {
		if len(m.GetAppMetadata()) > 0 {
			metadata = append(metadata, string(m.GetAppMetadata()))
		}
	}
	if diff := cmp.Diff([]string{"of 0", "of 1", "of 2"}, metadata); diff != "" {
		t.Errorf("app_metadata (-want +got):\n%s", diff)
	}
	for _, body := range []string{`{"dataset": "got", "part": 1}`, `{"dataset": "got", "upload": "mine", "part": 1}`} {
		_, err := doPut(ctx, client, upload{to: command(body), records: []arrow.RecordBatch{characters(t, "Jon")}})
		wantStatus(t, err, codes.InvalidArgument, "part 1")
	}
}

// TestLeftParallelUpload expires after an hour.
func TestLeftParallelUpload(t *testing.T) {
	o := options(testSettings(t))
	clock := testclock.NewFakeClock(time.Now())
	o.Clock = clock
	srv, _ := startWith(t, o)
	client, ctx := connect(t, srv.URI(), nil, ""), t.Context()
	begun := decode[parallelResult](t, must[[]string](t)(act(ctx, client, "StartParallelUpload", `{"dataset": "got"}`))[0])
	to := command(fmt.Sprintf(`{"dataset": "got", "upload": %q}`, begun.Upload))
	stored(t, client, to, "Arya")
	eventually(t, "the end of the upload", func() bool {
		clock.Step(time.Hour)
		_, err := doPut(ctx, client, upload{to: to, records: []arrow.RecordBatch{characters(t, "Sansa")}})
		return status.Code(err) == codes.InvalidArgument
	})
	_, err := act(ctx, client, "FinishParallelUpload", fmt.Sprintf(`{"upload": %q}`, begun.Upload))
	wantStatus(t, err, codes.InvalidArgument, "is not there")
	if left := must[[]string](t)(list(ctx, client, "")); len(left) > 0 {
		t.Errorf("there is %v", left)
	}
}

func TestWhereToPut(t *testing.T) {
	s := testSettings(t)
	s.Advertise = []string{"grpc://flight.internal:8815", "grpc+tls://flight.example:443"}
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	body := must[[]byte](t)(proto.Marshal(path("got", "characters")))
	var got []string
	for _, result := range must[[]string](t)(act(t.Context(), client, "where_to_put", string(body))) {
		var location flight.Location
		if err := proto.Unmarshal([]byte(result), &location); err != nil {
			t.Fatal(err)
		}
		got = append(got, location.GetUri())
	}
	if diff := cmp.Diff(append(s.Advertise, flight.LocationReuseConnection), got); diff != "" {
		t.Errorf("locations:\n%s", diff)
	}
}

func TestHealthAction(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	stored(t, client, path("got"), "Arya")
	h := decode[healthResult](t, must[[]string](t)(act(t.Context(), client, "health", ""))[0])
	if h.Status != "serving" || h.Version != settings.Version || h.Datasets != 1 || h.UsedBytes <= 0 || h.CapacityBytes < h.UsedBytes {
		t.Errorf("health = %+v", h)
	}
}

func TestBadActionBodies(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	for _, tc := range []struct{ action, body, want string }{
		{"rename_dataset", `{"from": "a"}`, "name both"},
		{"rename_dataset", `{"from": "a", "to": "b", "force": true}`, `unknown key "force"`},
		{"rename_dataset", `a`, "invalid character"},
		{"rename_dataset", `{"from": "a", "to": "b/../c"}`, "b/../c"},
		{"restore_version", `{"dataset": "a"}`, "a version"},
		{"restore_version", `{"dataset": "a", "version": -1}`, "version"},
		{"list_versions", ``, "name a dataset"},
		{"pin", `{}`, "name a dataset"},
		{"where_to_put", "\xff", "no FlightDescriptor"},
		{"where_to_put", "", "descriptor"},
		{"StartParallelUpload", `{"dataset": "a", "mode": "merge"}`, "merge"},
		{"StartParallelUpload", `{}`, "name a dataset"},
		{"FinishParallelUpload", `{}`, "name the upload"},
		{"FinishParallelUpload", `{"upload": "none"}`, "none"},
		{"AbortParallelUpload", `{"upload": "none"}`, "none"},
	} {
		_, err := act(t.Context(), client, tc.action, tc.body)
		wantStatus(t, err, codes.InvalidArgument, tc.want)
	}
}

// What a Reader may not do is refused by verb and dataset, and is not listed.
func TestActionsOfAReader(t *testing.T) {
	s := guarded(t)
	token := must[string](t)(auth.AddToken(s.AuthFile, "ann", settings.RoleReader))
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	reader := withToken(t.Context(), token)
	for _, tc := range []struct{ action, body, verb, dataset string }{
		{"drop_dataset", "got", "drop", "got"},
		{"rename_dataset", `{"from": "got", "to": "b"}`, "rename", "got"},
		{"restore_version", `{"dataset": "got", "version": 1}`, "write", "got"},
		{"pin", "got", "pin", "got"},
		{"unpin", "got", "pin", "got"},
		{"where_to_put", string(must[[]byte](t)(proto.Marshal(path("got")))), "write", "got"},
		{"StartParallelUpload", `{"dataset": "got"}`, "write", "got"},
		{"FinishParallelUpload", `{"upload": "id"}`, "write", "id"},
		{"AbortParallelUpload", `{"upload": "id"}`, "write", "id"},
	} {
		_, err := act(reader, client, tc.action, tc.body)
		wantStatus(t, err, codes.PermissionDenied, fmt.Sprintf("%s on dataset %q", tc.verb, tc.dataset))
		if slices.Contains(listActions(reader, t, client), tc.action) {
			t.Errorf("%s is listed", tc.action)
		}
	}
	if _, err := act(reader, client, "health", ""); err != nil {
		t.Errorf("health: %v", err)
	}
	_, err := act(reader, client, "fly", "")
	wantStatus(t, err, codes.Unimplemented, "fly")
}

func listActions(ctx context.Context, t *testing.T, client flight.Client) (names []string) {
	t.Helper()
	stream := must[flight.FlightService_ListActionsClient](t)(client.ListActions(ctx, &flight.Empty{}))
	for {
		action, err := stream.Recv()
		if err != nil {
			return names
		}
		if !strings.HasSuffix(action.GetDescription(), ".") {
			t.Errorf("%s is described by %q", action.GetType(), action.GetDescription())
		}
		names = append(names, action.GetType())
	}
}

func TestEveryActionIsListedForAWriter(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	var want []string
	for _, each := range srv.flight.actions {
		want = append(want, each.name)
	}
	if diff := cmp.Diff(want, listActions(t.Context(), t, connect(t, srv.URI(), nil, ""))); diff != "" {
		t.Errorf("actions:\n%s", diff)
	}
}
