package server

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// openTicket reads what a ticket pins and selects.
func (s *flightService) openTicket(ctx context.Context, c claims) (array.RecordReader, error) {
	if err := s.settle(&c); err != nil {
		return nil, err
	}
	open := func(partition int) (*catalog.Scan, error) { return s.scan(ctx, c, partition) }
	first, err := open(c.First)
	if err != nil {
		return nil, err
	}
	chosen, err := c.fit(first.Schema())
	if err != nil {
		first.Release()
		return nil, err
	}
	rest := span{First: c.First + 1, Count: c.Count - 1}
	return &selected{ctx: ctx, selection: chosen, left: chosen.limit, open: open, scan: first, rest: rest}, nil
}
