package server

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/flight-operator/flight-operator/flightserver/auth"
)

// Headers that carry credentials. The second is where clients of Flight's older
// handshake put the token that it gave them.
const (
	authorizationHeader = "authorization"
	authTokenHeader     = "auth-token-bin" //nolint:gosec // the name of a header
)

const (
	bearerScheme     = "Bearer "
	handshakeTimeout = 10 * time.Second
	handshakeMethod  = "/arrow.flight.protocol.FlightService/Handshake"
)

// caller authenticates callers of the data port. A password is answered with a
// bearer, on whatever call it came.
func (s *Server) caller(ctx context.Context) (auth.Identity, error) {
	e := auth.Evidence{
		Header: firstValue(ctx, authorizationHeader), CommonName: commonName(ctx), Peer: peerAddress(ctx),
	}
	if token := firstValue(ctx, authTokenHeader); e.Header == "" && token != "" {
		e.Header = bearerScheme + token
	}
	if e.Header == "" && isHandshake(ctx) {
		return auth.Identity{}, nil // its credentials are in the stream
	}
	id, bearer, err := s.auth.Authenticate(ctx, e)
	if err != nil || bearer == "" {
		return id, err
	}
	s.audit.decided(auth.NewContext(ctx, id), login, "", nil)
	return id, giveBearer(ctx, bearer)
}

// giveBearer sends a bearer ahead of the answer and behind it: some clients
// look for it in one place, some in the other.
func giveBearer(ctx context.Context, bearer string) error {
	given := metadata.Pairs(authorizationHeader, bearerScheme+bearer)
	return errors.Join(grpc.SetHeader(ctx, given), grpc.SetTrailer(ctx, given))
}

func firstValue(ctx context.Context, header string) string {
	if values := metadata.ValueFromIncomingContext(ctx, header); len(values) > 0 {
		return values[0]
	}
	return ""
}

func isHandshake(ctx context.Context) bool {
	method, _ := grpc.Method(ctx)
	return method == handshakeMethod
}

// Handshake trades a password for a bearer. Callers with Basic credentials in
// their header have it by now; others send a BasicAuth message and read the
// bearer from the stream.
func (s *flightService) Handshake(stream flight.FlightService_HandshakeServer) error {
	ctx := stream.Context()
	if auth.FromContext(ctx).Kind != "" {
		return nil
	}
	request, err := s.firstMessage(stream)
	if err != nil {
		return err
	}
	var basic flight.BasicAuth
	if err := proto.Unmarshal(request.GetPayload(), &basic); err != nil {
		return badRequest("a handshake carries a BasicAuth message, or Basic credentials in the header authorization")
	}
	id, bearer, err := s.logIn(ctx, peerAddress(ctx), basic.GetUsername(), basic.GetPassword())
	s.may.audit.decided(auth.NewContext(ctx, id), login, "", err)
	if err != nil {
		return err
	}
	callFrom(ctx).identity = id
	if err := giveBearer(ctx, bearer); err != nil {
		return err
	}
	return stream.Send(&flight.HandshakeResponse{ProtocolVersion: request.GetProtocolVersion(), Payload: []byte(bearer)})
}

// firstMessage waits a while for what a client sends. Nobody knows yet who it
// is, so it must not be able to wait for ever.
func (s *flightService) firstMessage(stream flight.FlightService_HandshakeServer) (*flight.HandshakeRequest, error) {
	type message struct {
		request *flight.HandshakeRequest
		err     error
	}
	received := make(chan message, 1)
	s.background.Go(func() { // ends with the call
		request, err := stream.Recv()
		received <- message{request, err}
	})
	select {
	case m := <-received:
		if errors.Is(m.err, io.EOF) {
			return nil, auth.ErrNoCredentials
		}
		return m.request, m.err
	case <-time.After(handshakeTimeout):
		return nil, auth.ErrNoCredentials
	}
}
