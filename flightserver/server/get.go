package server

import (
	"context"
	"encoding/json"

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
	if err := s.may.check(stream.Context(), auth.Read, c.Dataset, c.DatasetID); err != nil {
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
	to := &sentTo{messageSender: stream, traffic: s.metrics.sent}
	err = s.send(ctx, c, to)
	traceSize(stream.Context(), to.rows, to.bytes)
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

// send sends what is stored as it is where all of it is asked for, with the
// app_metadata of its batches, else the records that are selected.
func (s *flightService) send(ctx context.Context, c claims, to messageSender) error {
	r, err := s.read(ctx, c)
	if err != nil {
		return err
	}
	defer r.release()
	if !r.whole() {
		records := r.records()
		defer records.Release()
		return sendRecords(to, records)
	}
	if err := sendSchema(to, r.first); err != nil {
		return err
	}
	return r.stored(func(scan *catalog.Scan) error { return sendMessages(to, scan) })
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
