package server

import (
	"context"
	"encoding/json"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/httpdata"
)

// linkData is the data of a link's ticket.
type linkData struct {
	*reading

	identity string
}

// openLink opens what the ticket of a link is for, as DoGet does. The caller is in
// the context.
func (s *flightService) openLink(ctx context.Context, ticket []byte) (httpdata.Data, error) {
	c, err := s.tickets.verify(ticket)
	if err != nil {
		return nil, err
	}
	if err := s.may.check(ctx, auth.Read, c.Dataset, c.DatasetID); err != nil {
		return nil, err
	}
	if err := s.settle(&c); err != nil {
		return nil, err
	}
	traceDataset(ctx, c.Dataset, c.Version)
	if s.flights.isCancelled(c.RegisteredClaims.ID) {
		return nil, errInvalidTicket
	}
	r, err := s.read(ctx, c)
	if err != nil {
		return nil, err
	}
	identity, err := r.identity()
	if err != nil {
		r.release()
		return nil, err
	}
	return &linkData{reading: r, identity: identity}, nil
}

// identity names what is read, and the files that it is read from.
func (r *reading) identity() (string, error) {
	of := struct {
		query
		span

		DatasetID string   `json:"datasetID"`
		Layouts   []string `json:"layouts"`
	}{query: r.claims.query, span: r.claims.span, DatasetID: r.claims.DatasetID}
	err := r.stored(func(scan *catalog.Scan) error {
		of.Layouts = append(of.Layouts, scan.Layout())
		return nil
	})
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(of)
	return string(text), err
}

func (d *linkData) Schema() *arrow.Schema { return d.schema }
func (d *linkData) Identity() string      { return d.identity }

// Records reads what is selected. The caller releases it.
func (d *linkData) Records(ctx context.Context) array.RecordReader {
	return d.within(ctx).records()
}

// Stored gives what is whole as it is stored.
func (d *linkData) Stored() httpdata.Stored {
	if !d.whole() {
		return nil
	}
	return storedData{d.reading}
}

// Release lets go of the files.
func (d *linkData) Release() { d.release() }

// storedData is what is read whole.
type storedData struct{ *reading }

// Messages gives the schema's message, and those of all partitions.
func (s storedData) Messages(ctx context.Context, use func(header, body []byte) error) error {
	if err := use(s.first.SchemaMessage(), nil); err != nil {
		return err
	}
	return s.within(ctx).stored(func(scan *catalog.Scan) error {
		return eachMessage(scan, func(m catalog.Message) error { return use(m.Header, m.Body) })
	})
}

// Parquet gives the file of a partition that is one.
func (s storedData) Parquet() (httpdata.File, error) {
	if s.claims.Count != 1 {
		return nil, nil //nolint:nilnil // as httpdata.Stored says
	}
	own, err := s.first.OwnFile()
	if own == nil {
		return nil, err // a nil File, not one of a nil pointer
	}
	return own, nil
}
