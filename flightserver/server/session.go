package server

import (
	"context"
	"crypto/rand"
	"net/http"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/session"
)

// sessionCookie is the name that Flight's clients know it by.
const sessionCookie = "arrow_flight_session_id"

// sessionOptions are the options that a client may set, those of Flight SQL's
// clients among them.
func sessionOptions() map[string]session.Check {
	return map[string]session.Check{"catalog": session.Text, "schema": session.Text}
}

func (s *flightService) sessionActions() actions {
	return actions{
		{flight.SetSessionOptionsActionType, "Set options of the session, which begins with the first.", auth.Call, s.setSessionOptions},
		{flight.GetSessionOptionsActionType, "Get the options of the session.", auth.Call, s.getSessionOptions},
		{flight.CloseSessionActionType, "End the session.", auth.Call, s.closeSession},
	}
}

func (s *flightService) setSessionOptions(ctx context.Context, body []byte) ([][]byte, error) {
	var request flight.SetSessionOptionsRequest
	if err := decodeProto(body, &request, "SetSessionOptionsRequest"); err != nil {
		return nil, err
	}
	id := s.sessionID(ctx)
	if id == "" {
		id = rand.Text()
	}
	owner := auth.FromContext(ctx).Subject()
	failed := s.sessions.Set(owner, id, request.GetSessionOptions())
	if cookieOf(ctx) != id {
		if err := setCookie(ctx, cookie(id, 0)); err != nil {
			return nil, err
		}
	}
	return protoResult(&flight.SetSessionOptionsResult{Errors: failed})
}

func (s *flightService) getSessionOptions(ctx context.Context, body []byte) ([][]byte, error) {
	if err := decodeProto(body, &flight.GetSessionOptionsRequest{}, "GetSessionOptionsRequest"); err != nil {
		return nil, err
	}
	options := s.sessions.Options(auth.FromContext(ctx).Subject(), s.sessionID(ctx))
	return protoResult(&flight.GetSessionOptionsResult{SessionOptions: options})
}

// closeSession ends the session that the caller has. One that has none is where
// it wants to be.
func (s *flightService) closeSession(ctx context.Context, body []byte) ([][]byte, error) {
	if err := decodeProto(body, &flight.CloseSessionRequest{}, "CloseSessionRequest"); err != nil {
		return nil, err
	}
	s.sessions.Close(auth.FromContext(ctx).Subject(), s.sessionID(ctx))
	if value := cookieOf(ctx); value != "" {
		if err := setCookie(ctx, cookie(value, -1)); err != nil {
			return nil, err
		}
	}
	return protoResult(&flight.CloseSessionResult{Status: flight.CloseSessionResultClosed})
}

// sessionID tells which session a call is of: that of its cookie, else that of
// its login; empty where it has neither.
func (s *flightService) sessionID(ctx context.Context) string {
	caller := auth.FromContext(ctx)
	if cookie := cookieOf(ctx); cookie != "" && s.sessions.Has(caller.Subject(), cookie) {
		return cookie
	}
	return caller.Session
}

// cookieOf gives the session's cookie; a header that is no cookie is none.
func cookieOf(ctx context.Context) string {
	for _, line := range metadata.ValueFromIncomingContext(ctx, "cookie") {
		cookies, err := http.ParseCookie(line)
		if err != nil {
			continue
		}
		for _, cookie := range cookies {
			if cookie.Name == sessionCookie {
				return cookie.Value
			}
		}
	}
	return ""
}

// cookie has no attributes of browsers, which are not among the clients.
func cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: sessionCookie, Value: value, MaxAge: maxAge} //nolint:gosec // as above
}

// setCookie tells the client ahead of the answer: Java's clients look for it
// there alone.
func setCookie(ctx context.Context, cookie *http.Cookie) error {
	return grpc.SetHeader(ctx, metadata.Pairs("set-cookie", cookie.String()))
}
