package server

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// DoGet streams what a ticket of GetFlightInfo pins, or what a plain name or a
// command asks of the newest version.
func (s *flightService) DoGet(ticket *flight.Ticket, stream flight.FlightService_DoGetServer) error {
	c, err := s.redeem(ticket.GetTicket())
	if err != nil {
		return err
	}
	if err := auth.FromContext(stream.Context()).Allow(auth.Read, c.Dataset); err != nil {
		return err
	}
	if err := s.settle(&c); err != nil {
		return err
	}
	traceDataset(stream.Context(), c.Dataset, c.Version)
	ctx, done, err := s.flights.begin(stream.Context(), c)
	if err != nil {
		return err
	}
	defer done()
	err = s.sendClaimed(ctx, c, countSent{stream, s.metrics.sentBytes})
	return reasonFor(ctx, err)
}

// settle finds the dataset of a ticket that only names it. Which dataset has a name
// is nobody's business before the permission is checked.
func (s *flightService) settle(c *claims) error {
	if c.DatasetID != "" {
		return nil
	}
	d, err := s.find(c.query)
	if err != nil {
		return err
	}
	c.DatasetID, c.Version, c.span = d.ID, d.Version, allOf(d)
	return nil
}

// sendClaimed sends what is stored as it is where all of a partition is asked
// for, else the records that are selected.
func (s *flightService) sendClaimed(ctx context.Context, c claims, to messageSender) error {
	open := func(partition int) (*catalog.Scan, error) { return s.scan(ctx, c, partition) }
	first, err := open(c.First)
	if err != nil {
		return err
	}
	chosen, err := c.fit(first.Schema())
	if err != nil {
		first.Release()
		return err
	}
	if chosen.whole() && c.Count == 1 {
		defer first.Release()
		return sendMessages(to, first)
	}
	rest := span{First: c.First + 1, Count: c.Count - 1}
	reader := &selected{ctx: ctx, selection: chosen, left: chosen.limit, open: open, scan: first, rest: rest}
	defer reader.Release()
	return sendRecords(to, reader)
}

func (s *flightService) scan(ctx context.Context, c claims, partition int) (*catalog.Scan, error) {
	scan, err := s.catalog.Scan(ctx, c.DatasetID, c.Version, partition)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", c.Dataset, err)
	}
	return scan, nil
}

// redeem tells what a ticket is for: one that is signed, a command as it is, or
// a plain name.
func (s *flightService) redeem(ticket []byte) (claims, error) {
	if isSigned(ticket) {
		return s.tickets.verify(ticket)
	}
	q, err := readQuery(ticket)
	return claims{query: q}, err
}

func isSigned(ticket []byte) bool {
	var body map[string]json.RawMessage
	return json.Unmarshal(ticket, &body) == nil && body["ticket"] != nil
}
