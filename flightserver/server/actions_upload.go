package server

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

func (s *flightService) uploadActions() actions {
	return actions{
		{"StartParallelUpload", "Begin an upload of several streams that becomes one version.", auth.Write, s.startParallelUpload},
		{"FinishParallelUpload", "Make a parallel upload visible.", auth.Write, s.finishParallelUpload},
		{"AbortParallelUpload", "Give up a parallel upload.", auth.Write, s.abortParallelUpload},
	}
}

// parallelResult names a parallel upload, to be finished before it expires.
type parallelResult struct {
	Upload  string    `json:"upload"`
	Expires time.Time `json:"expires"`
}

func (s *flightService) startParallelUpload(ctx context.Context, body []byte) ([][]byte, error) {
	b := struct {
		Dataset string       `json:"dataset"`
		Mode    catalog.Mode `json:"mode"`
	}{Mode: catalog.ModeReplace}
	if err := decodeBody(body, &b); err != nil {
		return nil, err
	}
	if _, err := requireDataset(b.Dataset); err != nil {
		return nil, err
	}
	if err := checkMode(b.Mode); err != nil {
		return nil, err
	}
	if err := s.may.check(ctx, auth.Write, b.Dataset, ""); err != nil {
		return nil, err
	}
	p, err := s.catalog.StartParallelUpload(ctx, catalog.UploadRequest{Path: strings.Split(b.Dataset, "/"), Mode: b.Mode})
	if err != nil {
		return nil, err
	}
	return jsonResult(parallelResult{Upload: p.ID, Expires: p.Expires.UTC()})
}

func (s *flightService) finishParallelUpload(ctx context.Context, body []byte) ([][]byte, error) {
	id, err := s.permittedUpload(ctx, body)
	if err != nil {
		return nil, err
	}
	d, err := s.catalog.FinishParallelUpload(ctx, id)
	if err != nil {
		return nil, err
	}
	s.logger.Info("dataset uploaded", "dataset", d.Name(), "version", d.Version, "rows", d.Rows,
		"bytes", d.Bytes, "upload", id, "id", callFrom(ctx).id)
	return jsonResult(resultOf(d))
}

func (s *flightService) abortParallelUpload(ctx context.Context, body []byte) ([][]byte, error) {
	id, err := s.permittedUpload(ctx, body)
	if err != nil {
		return nil, err
	}
	return nil, s.catalog.AbortParallelUpload(ctx, id)
}

// permittedUpload gives the id in {"upload": ID}, once the caller may write the
// dataset that it is for. Of an upload that is over, its id tells the dataset.
func (s *flightService) permittedUpload(ctx context.Context, body []byte) (string, error) {
	var b struct {
		Upload string `json:"upload"`
	}
	if err := decodeBody(body, &b); err != nil {
		return "", err
	}
	if b.Upload == "" {
		return "", badRequest(`name the upload that StartParallelUpload began, as in {"upload": ID}`)
	}
	if p, err := s.catalog.ParallelUpload(b.Upload); err == nil {
		return b.Upload, s.may.check(ctx, auth.Write, strings.Join(p.Path, "/"), "")
	}
	dataset := catalog.DatasetOfUpload(b.Upload)
	return b.Upload, s.may.check(ctx, auth.Write, cmp.Or(s.catalog.NameOf(dataset), b.Upload), dataset)
}
