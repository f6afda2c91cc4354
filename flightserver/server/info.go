package server

import (
	"context"
	"encoding/json"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// A schema that is not known yet is shown without fields, and says so.
const (
	schemaMarker  = "flight-operator.schema"
	schemaUnknown = "unknown"
)

// GetSchema gives the schema of what a descriptor asks for.
func (s *flightService) GetSchema(ctx context.Context, descriptor *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	p, err := s.plan(ctx, descriptor)
	if err != nil {
		return nil, err
	}
	return &flight.SchemaResult{Schema: schemaBytes(p.schema)}, nil
}

// GetFlightInfo tells how to read what a descriptor asks for.
func (s *flightService) GetFlightInfo(ctx context.Context, descriptor *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	p, err := s.plan(ctx, descriptor)
	if err != nil {
		return nil, err
	}
	return s.flightInfo(p, descriptor)
}

// plan is a query with the version of the dataset that answers it.
type plan struct {
	selection

	query   query
	dataset catalog.Dataset
	id      string // of the FlightInfo
	message []byte // the schema, encoded; nil: not yet
}

// plan finds what a descriptor asks for.
func (s *flightService) plan(ctx context.Context, descriptor *flight.FlightDescriptor) (plan, error) {
	q, err := queryOf(descriptor)
	if err != nil {
		return plan{}, err
	}
	if err := s.may.check(ctx, auth.Describe, q.Dataset, ""); err != nil {
		return plan{}, err
	}
	d, err := s.find(q)
	if err != nil {
		return plan{}, err
	}
	selection, err := q.fit(d.Schema)
	return plan{selection: selection, query: q, dataset: d, id: uuid.NewString()}, err
}

// find gives the version that a query names.
func (s *flightService) find(q query) (catalog.Dataset, error) {
	if q.Version == 0 {
		return s.catalog.Dataset(q.Dataset)
	}
	return s.catalog.Version(q.Dataset, q.Version)
}

// planOf is for the whole of a dataset.
func planOf(d catalog.Dataset) plan {
	return plan{
		selection: selection{schema: d.Schema, limit: noLimit},
		query:     query{Dataset: d.Name()}, dataset: d, id: uuid.NewString(),
	}
}

// spans are what the endpoints read. A limit holds over all rows, so it takes
// all partitions to one endpoint.
func (p plan) spans() []span {
	all := allOf(p.dataset)
	if p.limit != noLimit {
		return []span{all}
	}
	spans := make([]span, all.Count)
	for i := range spans {
		spans[i] = span{First: i, Count: 1}
	}
	return spans
}

// allOf are the partitions of a version; one where it has no data yet.
func allOf(d catalog.Dataset) span { return span{Count: max(1, len(d.Partitions))} }

// totals are the rows and bytes that the endpoints give, -1 where only reading
// can tell.
func (p plan) totals() (rows, bytes int64) {
	switch {
	case p.whole():
		return p.dataset.Rows, p.dataset.Bytes
	case p.filter != nil:
		return -1, -1
	case p.limit != noLimit:
		return min(p.limit, p.dataset.Rows), -1
	}
	return p.dataset.Rows, -1
}

// infoMetadata is the app_metadata of a FlightInfo.
type infoMetadata struct {
	Dataset string `json:"dataset"`
	Version uint64 `json:"version"`
	ID      string `json:"id"` // of the FlightInfo, in all of its tickets
}

// endpointMetadata is the app_metadata of an endpoint: rows and bytes where they
// are known.
type endpointMetadata struct {
	span

	Rows  *int64 `json:"rows,omitempty"`
	Bytes *int64 `json:"bytes,omitempty"` // on disk
}

// flightInfo describes a version: what is in it, and tickets that read just that
// even when a newer one appears.
func (s *flightService) flightInfo(p plan, descriptor *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	metadata, err := json.Marshal(infoMetadata{Dataset: p.dataset.Name(), Version: p.dataset.Version, ID: p.id})
	if err != nil {
		return nil, err
	}
	if p.message == nil {
		p.message = schemaBytes(p.schema)
	}
	info := &flight.FlightInfo{Schema: p.message, FlightDescriptor: descriptor, AppMetadata: metadata}
	info.TotalRecords, info.TotalBytes = p.totals()
	for _, each := range p.spans() {
		endpoint, err := s.endpoint(p, p.known(each))
		if err != nil {
			return nil, err
		}
		info.Endpoint = append(info.Endpoint, endpoint)
	}
	return info, nil
}

// known is what is known of an endpoint without reading.
func (p plan) known(of span) endpointMetadata {
	m := endpointMetadata{span: of}
	if p.filter != nil || p.limit != noLimit || len(p.dataset.Partitions) == 0 {
		return m
	}
	partition := p.dataset.Partitions[of.First]
	m.Rows = &partition.Rows
	if p.whole() {
		m.Bytes = &partition.Bytes
	}
	return m
}

func (s *flightService) endpoint(p plan, known endpointMetadata) (*flight.FlightEndpoint, error) {
	c := claims{RegisteredClaims: jwt.RegisteredClaims{ID: p.id}, query: p.query, span: known.span, DatasetID: p.dataset.ID}
	c.Dataset, c.Version = p.dataset.Name(), p.dataset.Version
	if p.schema == nil {
		c.DatasetID = "" // nothing is there that could be pinned
	}
	ticket, expires, err := s.tickets.sign(c)
	if err != nil {
		return nil, err
	}
	metadata, err := json.Marshal(known)
	if err != nil {
		return nil, err
	}
	return &flight.FlightEndpoint{
		Ticket:         &flight.Ticket{Ticket: ticket},
		Location:       s.locations,
		ExpirationTime: timestamppb.New(expires),
		AppMetadata:    metadata,
	}, nil
}

// locations are where clients fetch: the advertised addresses, and always the
// connection that they have, which works where no address of ours does.
func locations(advertised []string) []*flight.Location {
	var out []*flight.Location
	for _, uri := range advertised {
		out = append(out, &flight.Location{Uri: uri})
	}
	return append(out, &flight.Location{Uri: flight.LocationReuseConnection})
}

// schemaBytes is the schema as an encapsulated IPC message, which is what
// clients read.
func schemaBytes(schema *arrow.Schema) []byte {
	if schema == nil {
		unknown := arrow.NewMetadata([]string{schemaMarker}, []string{schemaUnknown})
		schema = arrow.NewSchema(nil, &unknown)
	}
	return flight.SerializeSchema(schema, memory.DefaultAllocator)
}
