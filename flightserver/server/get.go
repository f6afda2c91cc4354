package server

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"github.com/flight-operator/flight-operator/flightserver/auth"
)

// DoGet streams what a ticket of GetFlightInfo pins, or the newest version of
// the dataset that a plain ticket names.
func (s *flightService) DoGet(ticket *flight.Ticket, stream flight.FlightService_DoGetServer) error {
	ctx := stream.Context()
	c, err := s.redeem(ticket.GetTicket())
	if err != nil {
		return err
	}
	if err := auth.FromContext(ctx).Allow(auth.Read, c.Dataset); err != nil {
		return err
	}
	if c.ID == "" {
		d, err := s.catalog.Dataset(c.Dataset)
		if err != nil {
			return err
		}
		c.ID, c.Version = d.ID, d.Version
	}
	traceDataset(ctx, c.Dataset, c.Version)
	scan, err := s.catalog.Scan(ctx, c.ID, c.Version, 0)
	if err != nil {
		return fmt.Errorf("reading %q: %w", c.Dataset, err)
	}
	defer scan.Release()
	return sendRecords(countSent{stream, s.metrics.sentBytes}, scan.Records())
}

// redeem tells what a ticket is for. A plain name leaves the id open: which
// dataset has it is nobody's business before the permission is checked.
func (s *flightService) redeem(ticket []byte) (claims, error) {
	if isObject(ticket) {
		return s.tickets.verify(ticket)
	}
	name, err := requireDataset(string(ticket))
	return claims{Dataset: name}, err
}
