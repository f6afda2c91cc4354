package server

import (
	"context"
	"log/slog"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/session"
)

// flightService is Flight on the data port.
type flightService struct {
	flight.BaseFlightServer
	catalog   *catalog.Catalog
	logIn     func(ctx context.Context, name, password string) (id auth.Identity, bearer string, err error)
	tickets   *tickets
	locations []*flight.Location
	logger    *slog.Logger
	metrics   *metrics
	guards    *guards
	actions   actions
	sessions  *session.Store
	serving   func() bool // readiness
	// background counts goroutines that may outlive the call that began them.
	background sync.WaitGroup
}

// ListActions lists the actions of the data port.
func (s *flightService) ListActions(_ *flight.Empty, stream flight.FlightService_ListActionsServer) error {
	return s.actions.list(stream)
}

// DoAction runs an action of the data port.
func (s *flightService) DoAction(request *flight.Action, stream flight.FlightService_DoActionServer) error {
	return s.actions.do(request, stream)
}

// PollFlightInfo has nothing to wait for.
func (s *flightService) PollFlightInfo(context.Context, *flight.FlightDescriptor) (*flight.PollInfo, error) {
	return nil, unsupported("this server runs no long queries: GetFlightInfo answers at once")
}

// DoExchange has nothing to compute.
func (s *flightService) DoExchange(flight.FlightService_DoExchangeServer) error {
	return unsupported("this server has no exchange: upload with DoPut, read with DoGet")
}
