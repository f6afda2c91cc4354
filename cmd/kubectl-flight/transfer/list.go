package transfer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Dataset is what a server tells about one of its datasets.
type Dataset struct {
	Name  string `json:"name"`
	Rows  int64  `json:"rows"`  // negative: not known
	Bytes int64  `json:"bytes"` // negative: not known
}

// List gives the datasets whose names begin with prefix, sorted by name.
func List(ctx context.Context, c flight.Client, prefix string) ([]Dataset, error) {
	stream, err := c.ListFlights(ctx, &flight.Criteria{Expression: []byte(prefix)})
	if err != nil {
		return nil, err
	}
	datasets := []Dataset{}
	for {
		info, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		datasets = append(datasets, Dataset{
			Name:  strings.Join(info.GetFlightDescriptor().GetPath(), "/"),
			Rows:  info.GetTotalRecords(),
			Bytes: info.GetTotalBytes(),
		})
	}
	slices.SortFunc(datasets, func(a, b Dataset) int { return cmp.Compare(a.Name, b.Name) })
	return datasets, nil
}

// Drop deletes a dataset with all its versions.
func Drop(ctx context.Context, c flight.Client, name string) error {
	body, err := json.Marshal(settings.DatasetRef{Dataset: name})
	if err != nil {
		return err
	}
	// The server has finished when the stream has.
	stream, err := c.DoAction(ctx, &flight.Action{Type: settings.ActionDropDataset, Body: body})
	for err == nil {
		_, err = stream.Recv()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
