package server

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// action is one kind of DoAction. It gives the bodies of its results; all the
// work is done when it returns, since a client that reads no result ends the
// call with the first.
type action struct {
	name        string
	description string
	run         func(ctx context.Context, body []byte) ([][]byte, error)
}

// actions are the actions of a port, in the order in which they are listed.
type actions []action

func (a actions) list(stream flight.FlightService_ListActionsServer) error {
	for _, each := range a {
		if err := stream.Send(&flight.ActionType{Type: each.name, Description: each.description}); err != nil {
			return err
		}
	}
	return nil
}

func (a actions) do(request *flight.Action, stream flight.FlightService_DoActionServer) error {
	for _, each := range a {
		if each.name != request.GetType() {
			continue
		}
		results, err := each.run(stream.Context(), request.GetBody())
		if err != nil {
			return err
		}
		for _, body := range results {
			if err := stream.Send(&flight.Result{Body: body}); err != nil {
				return err
			}
		}
		return nil
	}
	return unsupported("there is no action %q; ListActions tells which there are", shorten(request.GetType()))
}

func (s *flightService) dataActions() actions {
	return actions{
		{settings.ActionDropDataset, "Delete a dataset.", s.dropDataset},
		{"echo", "Answer with the body.", echo},
	}
}

func echo(_ context.Context, body []byte) ([][]byte, error) { return [][]byte{body}, nil }

func (s *flightService) dropDataset(ctx context.Context, body []byte) ([][]byte, error) {
	name, err := datasetBody(body)
	if err != nil {
		return nil, err
	}
	if err := auth.FromContext(ctx).Allow(auth.Drop, name); err != nil {
		return nil, err
	}
	if err := s.catalog.Drop(ctx, name, ""); err != nil {
		return nil, err
	}
	s.logger.Info("dataset dropped", "dataset", name, "id", callFrom(ctx).id)
	return nil, nil
}
