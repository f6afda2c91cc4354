package server

import (
	"context"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// GetSchema gives the schema of the dataset at a path.
func (s *flightService) GetSchema(ctx context.Context, descriptor *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	d, err := s.described(ctx, descriptor)
	if err != nil {
		return nil, err
	}
	return &flight.SchemaResult{Schema: schemaBytes(d)}, nil
}

// GetFlightInfo tells how to read the dataset at a path.
func (s *flightService) GetFlightInfo(ctx context.Context, descriptor *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	d, err := s.described(ctx, descriptor)
	if err != nil {
		return nil, err
	}
	return s.flightInfo(d, descriptor)
}

// described finds the dataset that a descriptor names.
func (s *flightService) described(ctx context.Context, descriptor *flight.FlightDescriptor) (catalog.Dataset, error) {
	if descriptor.GetType() != flight.DescriptorPATH {
		return catalog.Dataset{}, unsupported("this server describes datasets by path; it runs no commands and no SQL")
	}
	name, err := requireDataset(strings.Join(descriptor.GetPath(), "/"))
	if err != nil {
		return catalog.Dataset{}, err
	}
	if err := auth.FromContext(ctx).Allow(auth.Describe, name); err != nil {
		return catalog.Dataset{}, err
	}
	return s.catalog.Dataset(name)
}

// flightInfo describes a version: what is in it, and a ticket that reads just
// that even when a newer one appears.
func (s *flightService) flightInfo(d catalog.Dataset, descriptor *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	ticket, expires, err := s.tickets.sign(d, 0)
	if err != nil {
		return nil, err
	}
	return &flight.FlightInfo{
		Schema:           schemaBytes(d),
		FlightDescriptor: descriptor,
		Endpoint: []*flight.FlightEndpoint{{
			Ticket:         &flight.Ticket{Ticket: ticket},
			Location:       s.locations,
			ExpirationTime: timestamppb.New(expires),
		}},
		TotalRecords: d.Rows,
		TotalBytes:   d.Bytes,
	}, nil
}

// locations are where clients fetch: the advertised address, and always the
// connection that they have, which works where no address of ours does.
func locations(advertise string) []*flight.Location {
	var out []*flight.Location
	if advertise != "" {
		out = append(out, &flight.Location{Uri: advertise})
	}
	return append(out, &flight.Location{Uri: flight.LocationReuseConnection})
}

// schemaBytes is the schema as an encapsulated IPC message, which is what
// clients read. A dataset that was declared without a schema shows none.
func schemaBytes(d catalog.Dataset) []byte {
	schema := d.Schema
	if schema == nil {
		schema = arrow.NewSchema(nil, nil)
	}
	return flight.SerializeSchema(schema, memory.DefaultAllocator)
}
