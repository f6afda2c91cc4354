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
	may       *permissions
	logIn     func(ctx context.Context, peer, name, password string) (id auth.Identity, bearer string, err error)
	tickets   *tickets
	flights   *flights
	polls     *polls
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
	return s.actions.list(stream, s.may)
}

// DoAction runs an action of the data port.
func (s *flightService) DoAction(request *flight.Action, stream flight.FlightService_DoActionServer) error {
	return s.actions.do(request, stream, s.may)
}
