package server

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// openTicket reads what a ticket pins.
func (s *flightService) openTicket(ctx context.Context, c claims) (array.RecordReader, error) {
	scan, err := s.catalog.Scan(ctx, c.ID, c.Version, c.Partition)
	if err != nil {
		return nil, err
	}
	return scanned{scan.Records(), scan.Release}, nil
}

// scanned are the records of a scan, which ends with them.
type scanned struct {
	array.RecordReader

	release func()
}

func (s scanned) Release() { s.release() }
