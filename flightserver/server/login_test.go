package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

const (
	aUser     = "arya"
	aPassword = "Needle-of-Winterfell"
)

// guarded gives the settings of a server that has one user, a Writer.
func guarded(t *testing.T) *settings.ServerSettings {
	t.Helper()
	s := testSettings(t)
	s.AuthFile = filepath.Join(t.TempDir(), "auth.yaml")
	if err := auth.SetUser(s.AuthFile, aUser, aPassword, settings.RoleWriter); err != nil {
		t.Fatal(err)
	}
	return s
}

func basicHeader(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func withHeader(ctx context.Context, name, value string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, name, value)
}

func TestHandshakeWithBasic(t *testing.T) {
	srv, _ := start(t, guarded(t))
	client := connect(t, srv.URI(), nil, "")
	ctx, err := client.AuthenticateBasicToken(t.Context(), aUser, aPassword)
	if err != nil {
		t.Fatal(err)
	}
	if got := must[[]string](t)(act(ctx, client, "echo", "x")); got[0] != "x" {
		t.Errorf("echo = %v", got)
	}
	_, err = client.AuthenticateBasicToken(t.Context(), aUser, "needle")
	wantStatus(t, err, codes.Unauthenticated, "Unknown user or invalid password")
	_, err = client.AuthenticateBasicToken(t.Context(), "cersei", aPassword)
	wantStatus(t, err, codes.Unauthenticated, "Unknown user or invalid password")
}

// A bearer stands ahead of the answer and behind it, whatever call is made.
func TestBasicOnAnyCall(t *testing.T) {
	srv, _ := start(t, guarded(t))
	client := connect(t, srv.URI(), nil, "")
	must[[]string](t)(doPut(withHeader(t.Context(), "authorization", basicHeader(aUser, aPassword)), client,
		upload{to: path("d"), schema: characters(t, "Arya").Schema()}))
	var header, trailer metadata.MD
	ctx := withHeader(t.Context(), "authorization", basicHeader(aUser, aPassword))
	_, err := client.GetFlightInfo(ctx, path("d"), grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		t.Fatal(err)
	}
	for where, md := range map[string]metadata.MD{"header": header, "trailer": trailer} {
		bearer := md.Get("authorization")
		if len(bearer) != 1 || !strings.HasPrefix(bearer[0], "Bearer ") {
			t.Fatalf("%s: authorization = %v", where, bearer)
		}
		must[*flight.FlightInfo](t)(client.GetFlightInfo(withHeader(t.Context(), "authorization", bearer[0]), path("d")))
	}
	header = nil
	_, _ = client.GetFlightInfo(withHeader(t.Context(), "authorization", basicHeader(aUser, "x")), path("d"), grpc.Header(&header))
	if got := header.Get("authorization"); got != nil {
		t.Errorf("a wrong password got %v", got)
	}
}

// legacyHandshake sends a payload and gives the one that answers it.
func legacyHandshake(ctx context.Context, client flight.Client, payload []byte) ([]byte, error) {
	stream, err := client.Handshake(ctx)
	if err != nil {
		return nil, err
	}
	if payload != nil {
		if err := stream.Send(&flight.HandshakeRequest{Payload: payload}); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	answer, err := stream.Recv()
	return answer.GetPayload(), err
}

func TestLegacyHandshake(t *testing.T) {
	srv, _ := start(t, guarded(t))
	client := connect(t, srv.URI(), nil, "")
	encode := func(user, password string) []byte {
		return must[[]byte](t)(proto.Marshal(&flight.BasicAuth{Username: user, Password: password}))
	}
	token := must[[]byte](t)(legacyHandshake(t.Context(), client, encode(aUser, aPassword)))
	if got := must[[]string](t)(act(withHeader(t.Context(), "auth-token-bin", string(token)), client, "echo", "x")); got[0] != "x" {
		t.Errorf("echo = %v", got)
	}
	_, err := act(withHeader(t.Context(), "auth-token-bin", string(token[:len(token)-3])), client, "echo", "x")
	wantStatus(t, err, codes.Unauthenticated, "Invalid token")
	for name, tc := range map[string]struct {
		payload []byte
		code    codes.Code
		text    string
	}{
		"WrongPassword": {encode(aUser, "needle"), codes.Unauthenticated, "Unknown user or invalid password"},
		"NoMessage":     {nil, codes.Unauthenticated, "No credentials supplied"},
		"Empty":         {[]byte{}, codes.Unauthenticated, "Unknown user or invalid password"},
		"NotBasicAuth":  {[]byte("\xff\xff"), codes.InvalidArgument, "BasicAuth"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := legacyHandshake(t.Context(), client, tc.payload)
			wantStatus(t, err, tc.code, tc.text)
		})
	}
}

// A call without credentials is let through to the handshake alone.
func TestNoCredentials(t *testing.T) {
	srv, _ := start(t, guarded(t))
	client := connect(t, srv.URI(), nil, "")
	_, err := act(t.Context(), client, "echo", "x")
	wantStatus(t, err, codes.Unauthenticated, "No credentials supplied")
	_, err = list(t.Context(), client, "")
	wantStatus(t, err, codes.Unauthenticated, "No credentials supplied")
}

// Servers with the same keys take each other's bearers.
func TestBearersOfAnotherServer(t *testing.T) {
	first := guarded(t)
	one, _ := start(t, first)
	second := testSettings(t)
	second.AuthFile, second.SigningKeysFile = first.AuthFile, filepath.Join(first.DataDir, signingKeysFile)
	two, _ := start(t, second)
	third := testSettings(t)
	third.AuthFile = first.AuthFile
	stranger, _ := start(t, third)

	ctx, err := connect(t, one.URI(), nil, "").AuthenticateBasicToken(t.Context(), aUser, aPassword)
	if err != nil {
		t.Fatal(err)
	}
	must[[]string](t)(act(ctx, connect(t, two.URI(), nil, ""), "echo", "x"))
	_, err = act(ctx, connect(t, stranger.URI(), nil, ""), "echo", "x")
	wantStatus(t, err, codes.Unauthenticated, "Invalid token")
}

// lockedBuffer is written to by many goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestNoSecretIsLogged(t *testing.T) {
	log := &lockedBuffer{}
	o := options(guarded(t))
	o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	srv, stop := startWith(t, o)
	client := connect(t, srv.URI(), nil, "")
	var header metadata.MD
	good := basicHeader(aUser, aPassword)
	stream := must[flight.FlightService_ListActionsClient](t)(
		client.ListActions(withHeader(t.Context(), "authorization", good), &flight.Empty{}, grpc.Header(&header)))
	for {
		if _, err := stream.Recv(); err != nil {
			break
		}
	}
	bearer := header.Get("authorization")[0]
	wrong := basicHeader(aUser, "wrong-"+aPassword)
	for _, credentials := range []string{wrong, bearer[:len(bearer)-4], bearer + "x", "Digest " + aPassword} {
		_, err := act(withHeader(t.Context(), "authorization", credentials), client, "echo", "x")
		wantStatus(t, err, codes.Unauthenticated, "nvalid")
		if strings.Contains(err.Error(), aPassword) {
			t.Errorf("the error quotes the password: %v", err)
		}
	}
	payload := must[[]byte](t)(proto.Marshal(&flight.BasicAuth{Username: aUser, Password: "wrong-" + aPassword}))
	if _, err := legacyHandshake(t.Context(), client, payload); err == nil {
		t.Error("a wrong password was taken")
	}
	stop()
	for what, secret := range map[string]string{"password": aPassword, "header": good[6:30], "wrong header": wrong[6:], "bearer": bearer[20:80]} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds the %s:\n%s", what, log)
		}
	}
	if !strings.Contains(log.String(), "identity=arya") {
		t.Errorf("the log does not tell who called:\n%s", log)
	}
}
