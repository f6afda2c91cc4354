package server

import (
	"context"
	"slices"

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
	verb        auth.Verb // a caller who may not do this does not see it listed; empty: everybody does
	run         func(ctx context.Context, body []byte) ([][]byte, error)
}

// actions are the actions of a port, in the order in which they are listed.
type actions []action

// list shows the caller what it may do to some dataset.
func (a actions) list(stream flight.FlightService_ListActionsServer) error {
	caller := auth.FromContext(stream.Context())
	for _, each := range a {
		if each.verb != "" && caller.Allow(each.verb, "") != nil {
			continue
		}
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
	return slices.Concat(s.datasetActions(), s.uploadActions(), s.sessionActions(), s.flightActions(), actions{
		{settings.ActionHealth, "Tell about the server.", "", s.health},
		{"echo", "Answer with the body.", "", echo},
	})
}

func echo(_ context.Context, body []byte) ([][]byte, error) { return [][]byte{body}, nil }
