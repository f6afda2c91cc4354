package server

import (
	"context"
	"encoding/json"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func (s *flightService) flightActions() actions {
	return actions{
		{flight.CancelFlightInfoActionType, "End what reads a FlightInfo, and refuse its tickets.", auth.Read, s.cancelFlightInfo},
		{flight.RenewFlightEndpointActionType, "Give an endpoint a ticket that expires later.", auth.Read, s.renewFlightEndpoint},
	}
}

// cancelFlightInfo cancels a FlightInfo whose tickets this server signed. One
// that came from PollFlightInfo may have none yet: its app_metadata names it.
func (s *flightService) cancelFlightInfo(ctx context.Context, body []byte) ([][]byte, error) {
	var request flight.CancelFlightInfoRequest
	if err := decodeProto(body, &request, "CancelFlightInfoRequest"); err != nil {
		return nil, err
	}
	outcome := flight.CancelStatusNotCancellable
	if s.cancelPoll(ctx, request.GetInfo()) {
		outcome = flight.CancelStatusCancelled
	}
	for id := range s.flightsOf(ctx, request.GetInfo()) {
		if s.flights.cancel(id, s.tickets.clock.Now().Add(settings.TicketLife)) {
			outcome = flight.CancelStatusCancelled
		}
	}
	return protoResult(&flight.CancelFlightInfoResult{Status: outcome})
}

// flightsOf are the ids in the tickets that the caller may use.
func (s *flightService) flightsOf(ctx context.Context, info *flight.FlightInfo) map[string]struct{} {
	ids := map[string]struct{}{}
	for _, e := range info.GetEndpoint() {
		c, err := s.tickets.verify(e.GetTicket().GetTicket())
		if err == nil && s.may.check(ctx, auth.Read, c.Dataset, c.DatasetID) == nil {
			ids[c.RegisteredClaims.ID] = struct{}{}
		}
	}
	return ids
}

// cancelPoll ends the evaluation behind an answer of PollFlightInfo.
func (s *flightService) cancelPoll(ctx context.Context, info *flight.FlightInfo) bool {
	var metadata infoMetadata
	if json.Unmarshal(info.GetAppMetadata(), &metadata) != nil {
		return false
	}
	return s.polls.cancel(metadata.ID, auth.FromContext(ctx).Subject())
}

// renewFlightEndpoint signs a ticket that is still good anew. All else of the
// endpoint stays.
func (s *flightService) renewFlightEndpoint(ctx context.Context, body []byte) ([][]byte, error) {
	var request flight.RenewFlightEndpointRequest
	if err := decodeProto(body, &request, "RenewFlightEndpointRequest"); err != nil {
		return nil, err
	}
	endpoint := request.GetEndpoint()
	c, err := s.tickets.verify(endpoint.GetTicket().GetTicket())
	if err != nil {
		return nil, err
	}
	if err := s.may.check(ctx, auth.Read, c.Dataset, c.DatasetID); err != nil {
		return nil, err
	}
	if s.flights.isCancelled(c.RegisteredClaims.ID) {
		return nil, errInvalidTicket
	}
	ticket, expires, err := s.tickets.sign(c)
	if err != nil {
		return nil, err
	}
	endpoint.Ticket, endpoint.ExpirationTime = &flight.Ticket{Ticket: ticket}, timestamppb.New(expires)
	return protoResult(endpoint)
}
