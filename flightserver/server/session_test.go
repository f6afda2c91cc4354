package server

import (
	"context"
	"net/http"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	flightpb "github.com/apache/arrow-go/v18/arrow/flight/gen/flight"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/session"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// withCookies gives a client that keeps cookies, as those with sessions do.
func withCookies(t *testing.T, srv *Server) flight.Client {
	t.Helper()
	client, err := flight.NewClientWithMiddleware(srv.dataListener.Addr().String(), nil,
		[]flight.ClientMiddleware{flight.NewClientCookieMiddleware()},
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func set(ctx context.Context, t *testing.T, client flight.Client, options map[string]any) map[string]flightpb.SetSessionOptionsResult_ErrorValue {
	t.Helper()
	values := must[map[string]*flight.SessionOptionValue](t)(flight.NewSessionOptionValues(options))
	result := must[*flight.SetSessionOptionsResult](t)(client.SetSessionOptions(ctx, &flight.SetSessionOptionsRequest{SessionOptions: values}))
	failed := map[string]flightpb.SetSessionOptionsResult_ErrorValue{}
	for name, e := range result.GetErrors() {
		failed[name] = e.GetValue()
	}
	return failed
}

func wantOptions(ctx context.Context, t *testing.T, client flight.Client, want map[string]any) {
	t.Helper()
	got := must[*flight.GetSessionOptionsResult](t)(client.GetSessionOptions(ctx, &flight.GetSessionOptionsRequest{}))
	values := must[map[string]*flight.SessionOptionValue](t)(flight.NewSessionOptionValues(want))
	if diff := cmp.Diff(&flight.GetSessionOptionsResult{SessionOptions: values}, got, protocmp.Transform()); diff != "" {
		t.Errorf("options:\n%s", diff)
	}
}

func closeSession(ctx context.Context, t *testing.T, client flight.Client) {
	t.Helper()
	result := must[*flight.CloseSessionResult](t)(client.CloseSession(ctx, &flight.CloseSessionRequest{}))
	if result.GetStatus() != flight.CloseSessionResultClosed {
		t.Errorf("status = %v", result.GetStatus())
	}
}

// The calls of Arrow's integration scenario session_options, whose options are
// those of its own server.
func TestArrowsSessionScenario(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	anything := func(v *flight.SessionOptionValue) bool { return v.GetStringValue() != "lol_invalid" }
	srv.flight.sessions = session.NewStore(map[string]session.Check{
		"foolong": anything, "bardouble": anything, "key_with_invalid_value": anything, "big_ol_string_list": anything,
	}, clock.RealClock{})
	client, ctx := withCookies(t, srv), t.Context()

	list := []string{"a", "b", "sea", "dee", " ", "  ", "geee", "(づ｡◕‿‿◕｡)づ"}
	failed := set(ctx, t, client, map[string]any{
		"foolong":                int64(123),
		"bardouble":              456.0,
		"lol_invalid":            "this won't get set",
		"key_with_invalid_value": "lol_invalid",
		"big_ol_string_list":     list,
	})
	want := map[string]flightpb.SetSessionOptionsResult_ErrorValue{
		"lol_invalid":            flight.SetSessionOptionsResultErrorInvalidName,
		"key_with_invalid_value": flight.SetSessionOptionsResultErrorInvalidValue,
	}
	if diff := cmp.Diff(want, failed); diff != "" {
		t.Errorf("errors:\n%s", diff)
	}
	wantOptions(ctx, t, client, map[string]any{"foolong": int64(123), "bardouble": 456.0, "big_ol_string_list": list})
	if failed := set(ctx, t, client, map[string]any{"foolong": nil, "big_ol_string_list": "a,b,c"}); len(failed) > 0 {
		t.Errorf("errors: %v", failed)
	}
	wantOptions(ctx, t, client, map[string]any{"bardouble": 456.0, "big_ol_string_list": "a,b,c"})
	closeSession(ctx, t, client)
	wantOptions(ctx, t, client, nil)
}

func TestSessionOptions(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client, ctx := withCookies(t, srv), t.Context()
	wantOptions(ctx, t, client, nil)
	closeSession(ctx, t, client) // of clients that always close
	failed := set(ctx, t, client, map[string]any{"catalog": "flight", "schema": int64(1), "colour": "red"})
	want := map[string]flightpb.SetSessionOptionsResult_ErrorValue{
		"schema": flight.SetSessionOptionsResultErrorInvalidValue,
		"colour": flight.SetSessionOptionsResultErrorInvalidName,
	}
	if diff := cmp.Diff(want, failed); diff != "" {
		t.Errorf("errors:\n%s", diff)
	}
	wantOptions(ctx, t, client, map[string]any{"catalog": "flight"})
	wantOptions(ctx, t, withCookies(t, srv), nil) // another client's session is another
}

// A login is a session without a cookie.
func TestTheBearerCarriesTheSession(t *testing.T) {
	srv, _ := start(t, guarded(t))
	client := connect(t, srv.URI(), nil, "")
	login := func() context.Context {
		return must[context.Context](t)(client.AuthenticateBasicToken(t.Context(), aUser, aPassword))
	}
	ctx := login()
	set(ctx, t, client, map[string]any{"schema": "nyc"})
	wantOptions(ctx, t, client, map[string]any{"schema": "nyc"})
	wantOptions(login(), t, client, nil)
	closeSession(ctx, t, client)
	wantOptions(ctx, t, client, nil)
	set(ctx, t, client, map[string]any{"schema": "nyc"})
	wantOptions(ctx, t, client, map[string]any{"schema": "nyc"})
}

// A cookie is nobody else's session.
func TestCookieOfSomebodyElse(t *testing.T) {
	s := guarded(t)
	other := must[string](t)(auth.AddToken(s.AuthFile, "ann", settings.RoleReader))
	srv, _ := start(t, s)
	client := connect(t, srv.URI(), nil, "")
	var header metadata.MD
	ctx := withHeader(t.Context(), "authorization", basicHeader(aUser, aPassword))
	values := must[map[string]*flight.SessionOptionValue](t)(flight.NewSessionOptionValues(map[string]any{"schema": "nyc"}))
	must[*flight.SetSessionOptionsResult](t)(client.SetSessionOptions(ctx,
		&flight.SetSessionOptionsRequest{SessionOptions: values}, grpc.Header(&header)))
	cookie := must[*http.Cookie](t)(http.ParseSetCookie(header.Get("set-cookie")[0]))
	wantOptions(withHeader(ctx, "cookie", cookie.String()), t, client, map[string]any{"schema": "nyc"})
	wantOptions(withHeader(withToken(t.Context(), other), "cookie", cookie.String()), t, client, nil)
}

func TestBadSessionBodies(t *testing.T) {
	srv, _ := start(t, testSettings(t))
	client := connect(t, srv.URI(), nil, "")
	for _, action := range []string{flight.SetSessionOptionsActionType, flight.GetSessionOptionsActionType, flight.CloseSessionActionType} {
		_, err := act(t.Context(), client, action, "\xff")
		wantStatus(t, err, codes.InvalidArgument, "the body is no "+action+"Request")
	}
}

func FuzzSessionActions(f *testing.F) {
	values, err := flight.NewSessionOptionValues(map[string]any{"catalog": "a", "schema": []string{"b"}, "x": true})
	if err != nil {
		f.Fatal(err)
	}
	seed, err := proto.Marshal(&flight.SetSessionOptionsRequest{SessionOptions: values})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, "arrow_flight_session_id=x; other=y")
	f.Add([]byte("\x0a\x00"), "=;=")
	s := &flightService{sessions: session.NewStore(sessionOptions(), clock.RealClock{})}
	f.Fuzz(func(t *testing.T, body []byte, cookie string) {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("cookie", cookie))
		ctx = grpc.NewContextWithServerTransportStream(ctx, noTransport{})
		for _, action := range s.sessionActions() {
			results, err := action.run(ctx, body)
			if (err == nil) != (len(results) == 1) {
				t.Errorf("%s: %d results, %v", action.name, len(results), err)
			}
		}
	})
}

// noTransport takes headers and sends them nowhere.
type noTransport struct{}

func (noTransport) Method() string               { return "" }
func (noTransport) SetHeader(metadata.MD) error  { return nil }
func (noTransport) SendHeader(metadata.MD) error { return nil }
func (noTransport) SetTrailer(metadata.MD) error { return nil }
