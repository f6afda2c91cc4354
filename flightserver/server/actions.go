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
	verb        auth.Verb // a caller who may do this with no dataset does not see it listed
	run         func(ctx context.Context, body []byte) ([][]byte, error)
}

// actions are the actions of a port, in the order in which they are listed.
type actions []action

// list shows the caller what it may do to some dataset.
func (a actions) list(stream flight.FlightService_ListActionsServer, may *permissions) error {
	if err := may.call(stream.Context(), auth.Call); err != nil {
		return err
	}
	for _, each := range a {
		if !may.somewhere(stream.Context(), each.verb) {
			continue
		}
		if err := stream.Send(&flight.ActionType{Type: each.name, Description: each.description}); err != nil {
			return err
		}
	}
	return nil
}

// do runs an action. One that is about a dataset asks for itself, once it knows
// which.
func (a actions) do(request *flight.Action, stream flight.FlightService_DoActionServer, may *permissions) error {
	for _, each := range a {
		if each.name != request.GetType() {
			continue
		}
		callFrom(stream.Context()).method += " " + each.name
		if each.verb == auth.Call {
			if err := may.call(stream.Context(), each.verb); err != nil {
				return err
			}
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
		{settings.ActionHealth, "Tell about the server.", auth.Call, s.health},
		{"echo", "Answer with the body.", auth.Call, echo},
	})
}

func echo(_ context.Context, body []byte) ([][]byte, error) { return [][]byte{body}, nil }
