package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/flight"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// putResult is the app_metadata of the last PutResult: the version that the
// upload made, with the rows and bytes that it holds.
type putResult struct {
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	Version uint64 `json:"version"`
}

func resultOf(d catalog.Dataset) putResult {
	return putResult{Rows: d.Rows, Bytes: d.Bytes, Version: d.Version}
}

// DoPut stores a stream of records as a new version of a dataset, visible whole
// at the end of the stream or not at all.
func (s *flightService) DoPut(stream flight.FlightService_DoPutServer) error {
	ctx := stream.Context()
	results := s.sendResults(stream)
	defer results.abandon()
	p := &put{catalog: s.catalog, may: s.may, results: results}
	defer s.abort(ctx, p)
	p.messages = &messages{stream: receivedFrom{stream, s.metrics.received}, acquire: s.guards.uploadMemory(ctx), onMetadata: p.takeMetadata}
	defer p.messages.close()
	d, err := p.run(ctx)
	if err != nil {
		return err
	}
	traceDataset(ctx, d.Name(), d.Version)
	traceSize(ctx, d.Rows, d.Bytes)
	s.logger.Info("dataset uploaded", "dataset", d.Name(), "version", d.Version, "rows", d.Rows,
		"bytes", d.Bytes, "id", callFrom(ctx).id)
	body, err := json.Marshal(resultOf(d))
	if err != nil {
		return err
	}
	return results.finish(body)
}

// abort clears what an upload has stored and not committed. Should it fail, the
// next start clears it; the client has its own error to read.
func (s *flightService) abort(ctx context.Context, p *put) {
	if p.upload == nil {
		return
	}
	if err := p.upload.Abort(); err != nil {
		s.logger.Error("upload not cleared", "id", callFrom(ctx).id, "error", err)
	}
}

// put is one upload on its way.
type put struct {
	catalog  *catalog.Catalog
	may      *permissions
	messages *messages
	results  *results
	request  catalog.UploadRequest
	rows     *int64 // that the client says it sends; nil: it says nothing
	upload   *catalog.Upload
}

func (p *put) run(ctx context.Context) (catalog.Dataset, error) {
	if err := p.readRequest(ctx); err != nil {
		return catalog.Dataset{}, err
	}
	records, err := receive(p.messages)
	if err != nil {
		return catalog.Dataset{}, err
	}
	defer records.Release()
	p.request.Schema = records.Schema()
	if err := p.store(ctx, records); err != nil {
		return catalog.Dataset{}, err
	}
	return p.upload.Commit(ctx)
}

// readRequest learns from the first message where the upload goes.
func (p *put) readRequest(ctx context.Context) error {
	first, err := p.messages.peek()
	if errors.Is(err, io.EOF) {
		return badRequest("the stream ended before its descriptor, which says where the data goes")
	}
	if err != nil {
		return err
	}
	if p.request, err = uploadRequest(first.Descriptor); err != nil {
		return err
	}
	return p.may.check(ctx, auth.Write, strings.Join(p.request.Path, "/"), "")
}

// store writes the records. The upload begins with the first of them, since
// until then metadata may still change its mode.
func (p *put) store(ctx context.Context, records *received) error {
	for {
		batch, err := records.next()
		if err != nil {
			return err
		}
		if p.upload == nil {
			if p.upload, err = p.catalog.NewUpload(ctx, p.request); err != nil {
				return err
			}
			p.messages.room = p.upload.Buffer
		}
		if batch.Record == nil {
			return p.checkRows()
		}
		if err := p.upload.WriteBatch(batch); err != nil {
			return p.messages.numbered(err)
		}
		if len(batch.AppMetadata) > 0 {
			p.results.offer(batch.AppMetadata)
		}
	}
}

// checkRows compares what the client said with what arrived. A client whose
// writer failed may close its stream like one that is done.
func (p *put) checkRows() error {
	if p.rows == nil || *p.rows == p.upload.Rows() {
		return nil
	}
	return badRequest("the client announced %d rows and sent %d: nothing was stored", *p.rows, p.upload.Rows())
}

// takeMetadata reads what the client says about the upload between its batches.
// With the schema come words that are meant for it and, from clients that put
// one app_metadata on the schema and the first batch alike, words that are not.
func (p *put) takeMetadata(metadata []byte, withSchema bool) error {
	if !isObject(metadata) {
		if !withSchema && len(metadata) > 0 {
			p.results.offer(metadata)
		}
		return nil
	}
	var said struct {
		Mode *catalog.Mode `json:"mode"`
		Rows *int64        `json:"rows"`
	}
	if err := decodeBody(metadata, &said); err != nil {
		if withSchema && said.Mode == nil {
			return nil
		}
		return err
	}
	if said.Rows != nil {
		p.rows = said.Rows
	}
	if said.Mode == nil {
		return nil
	}
	if p.upload != nil {
		return badRequest(`the mode comes before the first batch, {"mode": %q} came after it`, *said.Mode)
	}
	p.request.Mode = *said.Mode
	return checkMode(*said.Mode)
}
