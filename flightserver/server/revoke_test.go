package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc/codes"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// revocable is a server with a dataset that takes long to read, and two who may
// read and write it.
type revocable struct {
	settings *settings.ServerSettings
	srv      *Server
	client   flight.Client
	tokens   []settings.Token
	users    []settings.User
	alice    string // a token
	bearer   string // of a user's login
}

func startRevocable(t *testing.T) *revocable {
	t.Helper()
	r := &revocable{settings: testSettings(t)}
	r.settings.HTTPListen = "127.0.0.1:0"
	text, digest := auth.NewToken("alice", settings.RoleWriter)
	r.alice, r.tokens = text, []settings.Token{digest}
	r.users = []settings.User{{Name: aUser, PasswordHash: settings.HashPassword(aPassword), Role: settings.RoleWriter}}
	writeAuth(t, r.settings, settings.Credentials{Tokens: r.tokens, Users: r.users})
	r.srv, _ = start(t, r.settings)
	_, bearer, err := r.srv.auth.LogIn(t.Context(), "", aUser, aPassword)
	if err != nil {
		t.Fatal(err)
	}
	r.bearer = bearer
	r.client = connect(t, r.srv.URI(), nil, "")
	// More than what connections hold while nobody reads.
	text = strings.Repeat("x", 1<<20)
	var records []arrow.RecordBatch
	for range 64 {
		records = append(records, characters(t, text))
	}
	must[[]string](t)(doPut(withToken(t.Context(), r.alice), r.client, upload{to: path("long"), records: records}))
	return r
}

// reads begins to read and stays away.
func (r *revocable) reads(t *testing.T, bearer string) flight.FlightService_DoGetClient {
	t.Helper()
	stream := must[flight.FlightService_DoGetClient](t)(r.client.DoGet(withToken(t.Context(), bearer), &flight.Ticket{Ticket: []byte("long")}))
	must[*flight.FlightData](t)(stream.Recv())
	return stream
}

// readsOn reads without pause, until it may no longer.
func (r *revocable) readsOn(ctx context.Context) error {
	for {
		stream, err := r.client.DoGet(ctx, &flight.Ticket{Ticket: []byte("long")})
		if err == nil {
			err = endOf(stream.Recv)
		}
		if !errors.Is(err, io.EOF) {
			return err
		}
	}
}

// uploads begins an upload and sends nothing more.
func (r *revocable) uploads(t *testing.T, bearer string) flight.FlightService_DoPutClient {
	t.Helper()
	stream := must[flight.FlightService_DoPutClient](t)(r.client.DoPut(withToken(t.Context(), bearer)))
	record := characters(t, "Arya")
	writer := flight.NewRecordWriter(stream, ipc.WithSchema(record.Schema()))
	writer.SetFlightDescriptor(path("half"))
	if err := writer.WriteWithAppMetadata(record, []byte("seen")); err != nil {
		t.Fatal(err)
	}
	must[*flight.PutResult](t)(stream.Recv()) // it has come
	return stream
}

// endOf is what a stream ends with.
func endOf[T any](receive func() (T, error)) error {
	for {
		if _, err := receive(); err != nil {
			return err
		}
	}
}

func TestRevocationEndsStreams(t *testing.T) {
	for name, tc := range map[string]struct {
		revoke    func(r *revocable) settings.Credentials // what stays
		gone, not func(r *revocable) string
	}{
		"Token": {
			revoke: func(r *revocable) settings.Credentials { return settings.Credentials{Users: r.users} },
			gone:   func(r *revocable) string { return r.alice },
			not:    func(r *revocable) string { return r.bearer },
		},
		"User": {
			revoke: func(r *revocable) settings.Credentials { return settings.Credentials{Tokens: r.tokens} },
			gone:   func(r *revocable) string { return r.bearer },
			not:    func(r *revocable) string { return r.alice },
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRevocable(t)
			staying, other := r.reads(t, tc.gone(r)), r.reads(t, tc.not(r))
			reading := make(chan error, 1)
			go func() { reading <- r.readsOn(withToken(t.Context(), tc.gone(r))) }()
			uploading := r.uploads(t, tc.gone(r))
			download := r.downloads(t, tc.gone(r))
			defer download.Close()
			writeAuth(t, r.settings, tc.revoke(r))
			wantStatus(t, <-reading, codes.Unauthenticated, "")
			wantStatus(t, endOf(uploading.Recv), codes.Unauthenticated, "The credentials were revoked")
			if err := endOf(staying.Recv); errors.Is(err, io.EOF) {
				t.Error("who took nothing of a stream got all of it")
			}
			if _, err := io.Copy(io.Discard, download); err == nil {
				t.Error("a download goes on to its end")
			}
			if err := endOf(other.Recv); !errors.Is(err, io.EOF) {
				t.Errorf("the stream of another: %v", err)
			}
			_, err := list(withToken(t.Context(), tc.gone(r)), r.client, "")
			wantStatus(t, err, codes.Unauthenticated, "Invalid token")
			if got := must[[]string](t)(list(withToken(t.Context(), tc.not(r)), r.client, "")); len(got) != 1 {
				t.Errorf("listed are %v: half an upload is seen", got)
			}
		})
	}
}

// downloads begins to read over HTTP and stays away.
func (r *revocable) downloads(t *testing.T, bearer string) io.ReadCloser {
	t.Helper()
	ctx := withHeader(withToken(t.Context(), bearer), linksHeader, "1")
	info := must[*flight.FlightInfo](t)(r.client.GetFlightInfo(ctx, path("long")))
	request := must[*http.Request](t)(http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, info.GetEndpoint()[0].GetLocation()[0].GetUri(), http.NoBody))
	response := must[*http.Response](t)((&http.Transport{DisableKeepAlives: true}).RoundTrip(request)) //nolint:bodyclose // the caller closes it
	return response.Body
}
