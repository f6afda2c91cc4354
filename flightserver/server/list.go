package server

import (
	"github.com/apache/arrow-go/v18/arrow/flight"

	"github.com/flight-operator/flight-operator/flightserver/auth"
)

// ListFlights gives every dataset whose name starts with what the criteria say:
// {"prefix": TEXT}, or the prefix as it is.
func (s *flightService) ListFlights(criteria *flight.Criteria, stream flight.FlightService_ListFlightsServer) error {
	if err := auth.FromContext(stream.Context()).Allow(auth.List, ""); err != nil {
		return err
	}
	prefix, err := listPrefix(criteria.GetExpression())
	if err != nil {
		return err
	}
	for _, d := range s.catalog.List(prefix) {
		descriptor := &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: d.Path}
		info, err := s.flightInfo(d, descriptor)
		if err != nil {
			return err
		}
		if err := stream.Send(info); err != nil {
			return err
		}
	}
	return nil
}

func listPrefix(expression []byte) (string, error) {
	if !isObject(expression) {
		return string(expression), nil
	}
	var criteria struct {
		Prefix string `json:"prefix"`
	}
	err := decodeBody(expression, &criteria)
	return criteria.Prefix, err
}
