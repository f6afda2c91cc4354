package server

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// listing has the columns that criteria may ask about.
var listing = arrow.NewSchema([]arrow.Field{
	{Name: "name", Type: arrow.BinaryTypes.String},
	{Name: "rows", Type: arrow.PrimitiveTypes.Int64},
	{Name: "bytes", Type: arrow.PrimitiveTypes.Int64},
	{Name: "version", Type: arrow.PrimitiveTypes.Uint64},
	{Name: "created", Type: arrow.FixedWidthTypes.Timestamp_us},
	{Name: "format", Type: arrow.BinaryTypes.String},
}, nil)

// listCriteria say which datasets are listed.
type listCriteria struct {
	Prefix string `json:"prefix"`
	Where  string `json:"where"`
}

// ListFlights gives every dataset that the caller may list and whose name starts with what the criteria say:
// {"prefix": TEXT, "where": EXPRESSION}, or the prefix as it is.
func (s *flightService) ListFlights(criteria *flight.Criteria, stream flight.FlightService_ListFlightsServer) error {
	if err := s.may.call(stream.Context(), auth.List); err != nil {
		return err
	}
	datasets, err := s.list(stream.Context(), criteria.GetExpression())
	if err != nil {
		return err
	}
	messages := map[*arrow.Schema][]byte{} // many datasets have the schema of others
	for _, d := range datasets {
		p := planOf(d)
		p.message = messages[d.Schema]
		info, err := s.flightInfo(p, &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: d.Path})
		if err != nil {
			return err
		}
		messages[d.Schema] = info.Schema
		if err := stream.Send(info); err != nil {
			return err
		}
	}
	return nil
}

func (s *flightService) list(ctx context.Context, expression []byte) ([]catalog.Dataset, error) {
	criteria := listCriteria{Prefix: string(expression)}
	if isObject(expression) {
		criteria = listCriteria{}
		if err := decodeBody(expression, &criteria); err != nil {
			return nil, err
		}
	}
	datasets := s.may.visible(ctx, s.catalog.List(criteria.Prefix))
	if criteria.Where == "" {
		return datasets, nil
	}
	return where(ctx, datasets, criteria.Where)
}

// where keeps the datasets that an expression selects.
func where(ctx context.Context, datasets []catalog.Dataset, expression string) ([]catalog.Dataset, error) {
	bound, err := bindFilter(expression, listing)
	if err != nil {
		return nil, err
	}
	record := listed(datasets)
	defer record.Release()
	mask, err := bound.Mask(ctx, record)
	if err != nil {
		return nil, err
	}
	defer mask.Release()
	var kept []catalog.Dataset
	for i, d := range datasets {
		if mask.IsValid(i) && mask.Value(i) {
			kept = append(kept, d)
		}
	}
	return kept, nil
}

// listed has a row a dataset. The caller releases it.
func listed(datasets []catalog.Dataset) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, listing)
	defer b.Release()
	for _, d := range datasets {
		b.Field(0).(*array.StringBuilder).Append(d.Name())
		b.Field(1).(*array.Int64Builder).Append(d.Rows)
		b.Field(2).(*array.Int64Builder).Append(d.Bytes)
		b.Field(3).(*array.Uint64Builder).Append(d.Version)
		b.Field(4).(*array.TimestampBuilder).Append(arrow.Timestamp(d.Created.UnixMicro()))
		b.Field(5).(*array.StringBuilder).Append(d.Format)
	}
	return b.NewRecordBatch()
}
