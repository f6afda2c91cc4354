package server

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/parquet/file"
	testclock "k8s.io/utils/clock/testing"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// linkedServer is a server with links, and a link to two batches.
func linkedServer(t *testing.T) (srv *Server, link string) {
	t.Helper()
	s := testSettings(t)
	s.HTTPListen = "127.0.0.1:0"
	srv, _ = start(t, s)
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(t.Context(), client, upload{
		to: path("got"), records: []arrow.RecordBatch{characters(t, "Arya", "Sansa"), characters(t, "Tyrion")},
	}))
	return srv, linkOf(t, client, "got")
}

func linkOf(t *testing.T, client flight.Client, name string) string {
	t.Helper()
	info := must[*flight.FlightInfo](t)(client.GetFlightInfo(withHeader(t.Context(), linksHeader, "1"), path(name)))
	locations := info.GetEndpoint()[0].GetLocation()
	if last := locations[len(locations)-1].GetUri(); last != flight.LocationReuseConnection {
		t.Errorf("the last location is %s", last)
	}
	return locations[len(locations)-2].GetUri()
}

// reply is an answer of HTTP, whose body was read.
type reply struct {
	Status        string
	StatusCode    int
	Header        http.Header
	ContentLength int64
}

// ask sends a request; header holds names and values by turns.
func ask(t *testing.T, method, url, body string, header ...string) (reply, []byte) {
	t.Helper()
	r, content, err := askWith(t, &http.Transport{DisableKeepAlives: true}, method, url, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return r, content
}

// askWith gives what came of an answer, and why no more did.
func askWith(t *testing.T, transport *http.Transport, method, url, body string, header ...string) (reply, []byte, error) {
	t.Helper()
	var content io.Reader = http.NoBody
	if body != "" {
		content = strings.NewReader(body)
	}
	request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, url, content))
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return reply{}, nil, err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return reply{response.Status, response.StatusCode, response.Header, response.ContentLength}, read, err
}

func TestLinkFormats(t *testing.T) {
	_, link := linkedServer(t)
	rows := map[string]func([]byte) int64{
		"application/vnd.apache.arrow.stream": func(b []byte) (n int64) {
			reader := must[*ipc.Reader](t)(ipc.NewReader(bytes.NewReader(b)))
			for reader.Next() {
				n += reader.RecordBatch().NumRows()
			}
			return n
		},
		"application/vnd.apache.arrow.file": func(b []byte) (n int64) {
			reader := must[*ipc.FileReader](t)(ipc.NewFileReader(bytes.NewReader(b)))
			for i := range reader.NumRecords() {
				n += must[arrow.RecordBatch](t)(reader.RecordBatchAt(i)).NumRows()
			}
			return n
		},
		"application/vnd.apache.parquet": func(b []byte) int64 {
			return must[*file.Reader](t)(file.NewParquetReader(bytes.NewReader(b))).NumRows()
		},
	}
	for accept, want := range map[string]string{
		"":                                  "application/vnd.apache.arrow.stream",
		"*/*":                               "application/vnd.apache.arrow.stream",
		"application/vnd.apache.arrow.file": "application/vnd.apache.arrow.file",
		"application/vnd.apache.parquet":    "application/vnd.apache.parquet",
		"application/*;q=0.1, application/vnd.apache.parquet":                           "application/vnd.apache.parquet",
		"text/html, application/vnd.apache.arrow.stream;q=0, application/*;q=0.5":       "application/vnd.apache.arrow.file",
		"application/vnd.apache.arrow.file;q=0.2, application/vnd.apache.parquet;q=0.3": "application/vnd.apache.parquet",
	} {
		response, body := ask(t, http.MethodGet, link, "", "Accept", accept)
		if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != want {
			t.Fatalf("%q: %s %s, want %s", accept, response.Status, got, want)
		}
		if n := rows[want](body); n != 3 {
			t.Errorf("%q: %d rows, want 3", accept, n)
		}
		_, again := ask(t, http.MethodGet, link, "", "Accept", accept)
		if !bytes.Equal(body, again) {
			t.Errorf("%q: a second answer differs", accept)
		}
	}
}

func TestLinkRanges(t *testing.T) {
	_, link := linkedServer(t)
	response, all := ask(t, http.MethodGet, link, "")
	etag := response.Header.Get("ETag")
	n := len(all)
	for name, tc := range map[string]struct {
		header []string
		code   int
		want   []byte
	}{
		"First":       {[]string{"Range", "bytes=0-9"}, http.StatusPartialContent, all[:10]},
		"Rest":        {[]string{"Range", "bytes=100-"}, http.StatusPartialContent, all[100:]},
		"Last":        {[]string{"Range", "bytes=-7"}, http.StatusPartialContent, all[n-7:]},
		"Behind":      {[]string{"Range", "bytes=1000000-"}, http.StatusRequestedRangeNotSatisfiable, nil},
		"Several":     {[]string{"Range", "bytes=0-1,5-6"}, http.StatusOK, all},
		"IfRange":     {[]string{"Range", "bytes=0-9", "If-Range", etag}, http.StatusPartialContent, all[:10]},
		"IfRangeOld":  {[]string{"Range", "bytes=0-9", "If-Range", `"old"`}, http.StatusOK, all},
		"NoneMatch":   {[]string{"If-None-Match", etag}, http.StatusNotModified, []byte{}},
		"NoneMatches": {[]string{"If-None-Match", `"old"`}, http.StatusOK, all},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := ask(t, http.MethodGet, link, "", tc.header...)
			if response.StatusCode != tc.code || (tc.want != nil && !bytes.Equal(body, tc.want)) {
				t.Errorf("%s with %d bytes, want %d with %d", response.Status, len(body), tc.code, len(tc.want))
			}
		})
	}
}

func TestRefusedLinks(t *testing.T) {
	srv, link := linkedServer(t)
	expired := must[string](t)(srv.links.Make(auth.Credential{Name: "a"}, []byte("{}"), time.Now().Add(-time.Second)))
	dropped := linkToDropped(t, srv)
	for name, tc := range map[string]struct {
		method, url, body string
		header            []string
		code              int
		want              string
	}{
		"Tampered": {url: link[:len(link)-6] + "AAAAAA", code: http.StatusForbidden, want: "GetFlightInfo"},
		"Expired":  {url: expired, code: http.StatusGone, want: "expired"},
		"Dropped":  {url: dropped, code: http.StatusGone, want: "dropped"},
		"Post":     {method: http.MethodPost, url: link, code: http.StatusMethodNotAllowed, want: "GET"},
		"Body":     {url: link, body: "x", code: http.StatusUnsupportedMediaType, want: "no body"},
		"Accept":   {url: link, header: []string{"Accept", "text/csv"}, code: http.StatusNotAcceptable, want: "parquet"},
	} {
		t.Run(name, func(t *testing.T) {
			method := tc.method
			if method == "" {
				method = http.MethodGet
			}
			response, body := ask(t, method, tc.url, tc.body, tc.header...)
			var problem struct {
				Status int    `json:"status"`
				Detail string `json:"detail"`
			}
			if err := json.Unmarshal(body, &problem); err != nil || response.Header.Get("Content-Type") != "application/problem+json" {
				t.Fatalf("%s: %q, %v", response.Status, body, err)
			}
			if response.StatusCode != tc.code || problem.Status != tc.code || !strings.Contains(problem.Detail, tc.want) {
				t.Errorf("%s %+v, want %d with %q", response.Status, problem, tc.code, tc.want)
			}
		})
	}
}

func linkToDropped(t *testing.T, srv *Server) string {
	t.Helper()
	client := connect(t, srv.URI(), nil, "")
	stored(t, client, path("dropped"), "Ned")
	link := linkOf(t, client, "dropped")
	must[[]string](t)(act(t.Context(), client, "drop_dataset", "dropped"))
	return link
}

// Clients that do not ask for links see none, since some would dial them.
func TestLinksAreAskedFor(t *testing.T) {
	srv, _ := linkedServer(t)
	info := must[*flight.FlightInfo](t)(connect(t, srv.URI(), nil, "").GetFlightInfo(t.Context(), path("got")))
	if locations := info.GetEndpoint()[0].GetLocation(); len(locations) != 1 {
		t.Errorf("locations = %v", locations)
	}
}

// A link is no bearer, and a bearer no link.
func TestLinksAndBearersDiffer(t *testing.T) {
	s := guarded(t)
	s.HTTPListen = "127.0.0.1:0"
	o := options(s)
	o.Clock = testclock.NewFakeClock(time.Now())
	srv, _ := startWith(t, o)
	_, bearer, err := srv.auth.LogIn(t.Context(), "", aUser, aPassword)
	if err != nil {
		t.Fatal(err)
	}
	response, _ := ask(t, http.MethodGet, srv.links.Base+"/v1/data/"+bearer, "")
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("a bearer as a link: %s", response.Status)
	}
	link := must[string](t)(srv.links.Make(auth.Credential{Kind: settings.SubjectUser, Name: aUser}, nil, o.Clock.Now().Add(time.Hour)))
	if _, _, err := srv.auth.Authenticate(t.Context(), auth.Evidence{Header: "Bearer " + link[strings.LastIndex(link, "/")+1:]}); err == nil {
		t.Error("a link was taken for a bearer")
	}
}
