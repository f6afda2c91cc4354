package server

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/prometheus/client_golang/prometheus/testutil"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
)

// TestLinkToAParquetFile gives the file as it is stored, which has no other
// length than that on the disk.
func TestLinkToAParquetFile(t *testing.T) {
	s := testSettings(t)
	s.HTTPListen = "127.0.0.1:0"
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(t.Context(), client, upload{to: path("got.parquet"), records: []arrow.RecordBatch{characters(t, "Arya", "Sansa")}}))
	link := linkOf(t, client, "got.parquet")
	const accept = "application/vnd.apache.parquet"
	response, body := ask(t, http.MethodGet, link, "", "Accept", accept)
	if !slices.ContainsFunc(filesIn(t, s.DataDir), func(content []byte) bool { return bytes.Equal(content, body) }) {
		t.Errorf("no file has the %d bytes that were answered", len(body))
	}
	if n := must[*file.Reader](t)(file.NewParquetReader(bytes.NewReader(body))).NumRows(); n != 2 || response.ContentLength != int64(len(body)) {
		t.Errorf("%d rows, length %d", n, response.ContentLength)
	}
	if _, tail := ask(t, http.MethodGet, link, "", "Accept", accept, "Range", "bytes=-4"); string(tail) != "PAR1" {
		t.Errorf("the tail is %q", tail)
	}
	_, stream := ask(t, http.MethodGet, link, "")
	reader := must[*ipc.Reader](t)(ipc.NewReader(bytes.NewReader(stream)))
	if !reader.Next() || reader.RecordBatch().NumRows() != 2 {
		t.Errorf("as Arrow it is %v", reader.Err())
	}
}

// TestLinkToDamagedData tells of damage by a status where it is met before the
// answer begins, and else by breaking off.
func TestLinkToDamagedData(t *testing.T) {
	s := testSettings(t)
	s.HTTPListen = "127.0.0.1:0"
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	for name, before := range map[string]int{"small": 1, "small.parquet": 1, "large": 50_000} {
		must[[]string](t)(doPut(t.Context(), client, upload{to: path(name), records: []arrow.RecordBatch{
			characters(t, slices.Repeat([]string{"Arya"}, before)...), characters(t, "Sansa"),
		}}))
	}
	damage(t, s.DataDir, "Sansa")
	const stream, parquet = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"
	for name, tc := range map[string]struct {
		reason string
		header []string
		breaks bool
	}{
		"small":         {header: []string{"Accept", stream}},
		"small.parquet": {reason: "the file as it is", header: []string{"Accept", parquet}},
		"large":         {reason: "the damage is in the last batch", header: []string{"Accept", stream}, breaks: true},
	} {
		t.Run(name, func(t *testing.T) {
			link := linkOf(t, client, name)
			r, body, err := askWith(t, &http.Transport{DisableKeepAlives: true}, http.MethodGet, link, "", tc.header...)
			if tc.breaks {
				if err == nil {
					t.Errorf("%s with %d bytes, and it did not break off", r.Status, len(body))
				}
			} else {
				wantDamageTold(t, r, body)
			}
			// The length of a range is learned first, for which all of it is read.
			r, body = ask(t, http.MethodGet, link, "", append(tc.header, "Range", "bytes=0-")...)
			wantDamageTold(t, r, body)
		})
	}
}

func wantDamageTold(t *testing.T, r reply, body []byte) {
	t.Helper()
	said := r.Header.Get("Content-Type") == "application/problem+json" && strings.Contains(string(body), "corrupt data")
	if r.StatusCode != http.StatusInternalServerError || r.Header.Get("ETag") != "" || r.Header.Get("Content-Range") != "" || !said {
		t.Errorf("%s %v: %s", r.Status, r.Header, body[:min(len(body), 300)])
	}
}

func filesIn(t *testing.T, dir string) (contents [][]byte) {
	t.Helper()
	for _, name := range must[[]string](t)(filepath.Glob(filepath.Join(dir, "d", "*", "s", "*", "*"))) {
		contents = append(contents, must[[]byte](t)(os.ReadFile(name)))
	}
	return contents
}

// TestLinkAfterCompaction has another ETag once the files are others, so that
// nobody joins parts of different answers.
func TestLinkAfterCompaction(t *testing.T) {
	s := testSettings(t)
	s.HTTPListen = "127.0.0.1:0"
	s.Storage.CompactEvery.Duration = time.Hour
	srv, stop := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	stored(t, client, path("got"), "Arya")
	for range 8 {
		must[[]string](t)(doPut(t.Context(), client, upload{to: command(`{"dataset": "got", "mode": "append"}`), records: []arrow.RecordBatch{characters(t, "Hodor")}}))
	}
	link := linkOf(t, client, "got")
	before, whole := ask(t, http.MethodGet, link, "")
	stop()
	s.Storage.CompactEvery.Duration = time.Millisecond
	old := srv.links.Base
	srv, _ = start(t, s)
	client, link = connect(t, srv.URI(), nil, ""), srv.links.Base+strings.TrimPrefix(link, old)
	var after reply
	var rest []byte
	eventually(t, "compaction", func() bool {
		after, rest = ask(t, http.MethodGet, link, "", "Range", "bytes=100-", "If-Range", before.Header.Get("ETag"))
		return after.StatusCode == http.StatusOK
	})
	if after.Header.Get("ETag") == before.Header.Get("ETag") {
		t.Error("other bytes have the same ETag")
	}
	if a, b := rowsOfStream(t, whole), rowsOfStream(t, rest); !slices.Equal(a, b) {
		t.Errorf("the rows were %v and are %v", a, b)
	}
	renewed := linkOf(t, client, "got")
	if same, _ := ask(t, http.MethodGet, renewed, "", "If-None-Match", after.Header.Get("ETag")); same.StatusCode != http.StatusNotModified {
		t.Errorf("another link to the same data: %s", same.Status)
	}
}

func rowsOfStream(t *testing.T, stream []byte) []string {
	t.Helper()
	reader := must[*ipc.Reader](t)(ipc.NewReader(bytes.NewReader(stream)))
	var out []string
	for reader.Next() {
		for i := range int(reader.RecordBatch().NumRows()) {
			out = append(out, reader.RecordBatch().Column(0).ValueStr(i))
		}
	}
	return out
}

func TestLinksWithTLS(t *testing.T) {
	ca := tlstest.NewCA(t)
	s := testSettings(t)
	s.HTTPListen = "127.0.0.1:0"
	s.TLS = writePair(t, ca.Issue(t, "server"))
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), ca.Client(t, nil), "")
	stored(t, client, path("got"), "Arya")
	link := linkOf(t, client, "got")
	transport := &http.Transport{TLSClientConfig: ca.Client(t, nil), DisableKeepAlives: true}
	_, body, err := askWith(t, transport, http.MethodGet, link, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := rowsOfStream(t, body); !slices.Equal(got, []string{"Arya"}) || !strings.HasPrefix(link, "https://") {
		t.Errorf("read %v from %s", got, link)
	}
	if _, _, err := askWith(t, &http.Transport{DisableKeepAlives: true}, http.MethodGet, link, ""); err == nil {
		t.Error("a client without the CA was answered")
	}
}

func writePair(t *testing.T, pair tlstest.Pair) *settings.TLS {
	t.Helper()
	dir := t.TempDir()
	return &settings.TLS{
		CertFile: writeFile(t, dir, settings.TLSCertFile, pair.Cert),
		KeyFile:  writeFile(t, dir, settings.TLSKeyFile, pair.Key),
	}
}

func TestLinksAreCountedAndTraced(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	s := testSettings(t)
	s.HTTPListen, s.Limits.CallsPerIdentity = "127.0.0.1:0", 1
	o := options(s)
	o.Spans = recorder
	srv, _ := startWith(t, o)
	client := connect(t, srv.URI(), nil, "")
	stored(t, client, path("got"), "Arya")
	link := linkOf(t, client, "got")
	const parent = "00f067aa0ba902b7"
	ask(t, http.MethodGet, link, "", "Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-"+parent+"-01")
	var span sdktrace.ReadOnlySpan
	eventually(t, "a span", func() bool {
		i := slices.IndexFunc(recorder.Ended(), func(s sdktrace.ReadOnlySpan) bool { return s.Name() == linkMethod })
		if i >= 0 {
			span = recorder.Ended()[i]
		}
		return span != nil
	})
	got := attributes(span)
	if span.Parent().SpanID().String() != parent || got["flight.dataset"] != "got" || got["http.response.status_code"] != "200" || got["flight.bytes"] == "0" {
		t.Errorf("the span says %v", got)
	}
	if n := testutil.ToFloat64(srv.metrics.httpRequests.WithLabelValues("200")); n != 1 {
		t.Errorf("%v requests were counted", n)
	}

	// A call that goes on is all that the caller may do at a time.
	var end func()
	eventually(t, "the end of the calls before", func() (ended bool) {
		var err error
		end, err = srv.guards.calls.Begin("anonymous@127.0.0.1")
		return err == nil
	})
	defer end()
	response, _ := ask(t, http.MethodGet, link, "")
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("a link beside a call is answered with %s", response.Status)
	}
}
