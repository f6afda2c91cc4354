// Package stock is arrow-go's own Flight client, with the two calls that a
// consumer of tables makes. It knows nothing of the operator but what stands in
// the Secret of a token.
package stock

import (
	"context"
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/credentials"
)

// Client is arrow-go's.
type Client struct{ flight.Client }

// Bearer gives the token that goes with each call.
type Bearer func() (string, error)

var _ credentials.PerRPCCredentials = Bearer(nil)

// GetRequestMetadata asks for the token anew.
func (b Bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	token, err := b()
	return map[string]string{"authorization": "Bearer " + token}, err
}

// RequireTransportSecurity keeps tokens off plaintext connections.
func (Bearer) RequireTransportSecurity() bool { return true }

// Put uploads a table as one dataset.
func (c *Client) Put(ctx context.Context, table arrow.Table, path ...string) error {
	stream, err := c.DoPut(ctx)
	if err != nil {
		return err
	}
	w := flight.NewRecordWriter(stream, ipc.WithSchema(table.Schema()))
	w.SetFlightDescriptor(&flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: path})
	err = errors.Join(writeTable(w, table), w.Close(), stream.CloseSend())
	// Why a stream was ended is told to whoever receives.
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for {
		if _, err := stream.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func writeTable(w *flight.Writer, table arrow.Table) error {
	batches := array.NewTableReader(table, 0)
	defer batches.Release()
	for batches.Next() {
		if err := w.Write(batches.RecordBatch()); err != nil {
			return err
		}
	}
	return batches.Err()
}

// Get downloads a dataset, all its endpoints.
func (c *Client) Get(ctx context.Context, path ...string) (arrow.Table, error) {
	info, err := c.GetFlightInfo(ctx, &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: path})
	if err != nil {
		return nil, err
	}
	schema, err := flight.DeserializeSchema(info.GetSchema(), memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	var batches []arrow.RecordBatch
	for _, endpoint := range info.GetEndpoint() {
		stream, err := c.DoGet(ctx, endpoint.GetTicket())
		if err != nil {
			return nil, err
		}
		r, err := flight.NewRecordReader(stream)
		if err != nil {
			return nil, err
		}
		defer r.Release()
		for r.Next() {
			batch := r.RecordBatch()
			batch.Retain()
			defer batch.Release()
			batches = append(batches, batch)
		}
		if err := r.Err(); err != nil {
			return nil, err
		}
	}
	return array.NewTableFromRecords(schema, batches), nil
}
