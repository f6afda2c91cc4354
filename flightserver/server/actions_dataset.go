package server

import (
	"context"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/protobuf/proto"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func (s *flightService) datasetActions() actions {
	return actions{
		{settings.ActionDropDataset, "Delete a dataset.", auth.Drop, s.dropDataset},
		{"rename_dataset", "Give a dataset another name.", auth.Rename, s.renameDataset},
		{"list_versions", "Tell which versions of a dataset can be read.", auth.Describe, s.listVersions},
		{"restore_version", "Make an older version of a dataset the newest.", auth.Write, s.restoreVersion},
		{"pin", "Keep a dataset in memory.", auth.Pin, s.pin},
		{"unpin", "Keep a dataset in memory no longer.", auth.Pin, s.unpin},
		{"where_to_put", "Tell where an upload of a descriptor goes.", auth.Write, s.whereToPut},
	}
}

func (s *flightService) dropDataset(ctx context.Context, body []byte) ([][]byte, error) {
	name, err := s.permitted(ctx, auth.Drop, body)
	if err != nil {
		return nil, err
	}
	if err := s.catalog.Drop(ctx, name, ""); err != nil {
		return nil, err
	}
	s.logger.Info("dataset dropped", "dataset", name, "id", callFrom(ctx).id)
	return nil, nil
}

func (s *flightService) renameDataset(ctx context.Context, body []byte) ([][]byte, error) {
	var b struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	if err := decodeBody(body, &b); err != nil {
		return nil, err
	}
	if b.From == "" || b.To == "" {
		return nil, badRequest(`name both, as in {"from": "nyc/trips", "to": "nyc/rides"}`)
	}
	for _, name := range []string{b.From, b.To} {
		if err := s.may.check(ctx, auth.Rename, name, ""); err != nil {
			return nil, err
		}
	}
	if err := s.catalog.Rename(ctx, b.From, b.To); err != nil {
		return nil, err
	}
	s.logger.Info("dataset renamed", "dataset", b.From, "to", b.To, "id", callFrom(ctx).id)
	return nil, nil
}

// versionResult is a version as list_versions shows it.
type versionResult struct {
	Version uint64    `json:"version"`
	Created time.Time `json:"created"`
	Rows    int64     `json:"rows"`
	Bytes   int64     `json:"bytes"`
}

func (s *flightService) listVersions(ctx context.Context, body []byte) ([][]byte, error) {
	name, err := s.permitted(ctx, auth.Describe, body)
	if err != nil {
		return nil, err
	}
	versions, err := s.catalog.Versions(name)
	if err != nil {
		return nil, err
	}
	var results [][]byte
	for _, v := range versions {
		result, err := jsonResult(versionResult{Version: v.Version, Created: v.Created.UTC(), Rows: v.Rows, Bytes: v.Bytes})
		if err != nil {
			return nil, err
		}
		results = append(results, result...)
	}
	return results, nil
}

func (s *flightService) restoreVersion(ctx context.Context, body []byte) ([][]byte, error) {
	var b struct {
		Dataset string `json:"dataset"`
		Version uint64 `json:"version"`
	}
	if err := decodeBody(body, &b); err != nil {
		return nil, err
	}
	if b.Dataset == "" || b.Version == 0 {
		return nil, badRequest(`name a dataset and a version of list_versions, as in {"dataset": "nyc/trips", "version": 3}`)
	}
	if err := s.may.check(ctx, auth.Write, b.Dataset, ""); err != nil {
		return nil, err
	}
	d, err := s.catalog.Restore(ctx, b.Dataset, b.Version)
	if err != nil {
		return nil, err
	}
	s.logger.Info("version restored", "dataset", b.Dataset, "from", b.Version, "version", d.Version, "id", callFrom(ctx).id)
	return jsonResult(resultOf(d))
}

func (s *flightService) pin(ctx context.Context, body []byte) ([][]byte, error) {
	name, err := s.permitted(ctx, auth.Pin, body)
	if err != nil {
		return nil, err
	}
	return nil, s.catalog.Pin(ctx, name)
}

func (s *flightService) unpin(ctx context.Context, body []byte) ([][]byte, error) {
	name, err := s.permitted(ctx, auth.Pin, body)
	if err != nil {
		return nil, err
	}
	return nil, s.catalog.Unpin(ctx, name)
}

// whereToPut gives the locations that an upload of the descriptor in the body
// may go to, each in a result of its own.
func (s *flightService) whereToPut(ctx context.Context, body []byte) ([][]byte, error) {
	var descriptor flight.FlightDescriptor
	if err := decodeProto(body, &descriptor, "FlightDescriptor"); err != nil {
		return nil, err
	}
	request, err := uploadRequest(&descriptor)
	if err != nil {
		return nil, err
	}
	if err := s.may.check(ctx, auth.Write, strings.Join(request.Path, "/"), ""); err != nil {
		return nil, err
	}
	var results [][]byte
	for _, location := range s.locations {
		encoded, err := proto.Marshal(location)
		if err != nil {
			return nil, err
		}
		results = append(results, encoded)
	}
	return results, nil
}

// permitted gives the dataset that a body names, once the caller may do this
// with it.
func (s *flightService) permitted(ctx context.Context, verb auth.Verb, body []byte) (string, error) {
	name, err := datasetBody(body)
	if err != nil {
		return "", err
	}
	return name, s.may.check(ctx, verb, name, "")
}
