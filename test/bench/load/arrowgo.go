package load

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
)

// ArrowGo is arrow-go's client, which decodes every batch. It has gRPC's own
// buffers, and takes messages over 4 MiB, since servers send them.
type ArrowGo struct{ connections }

// NewArrowGo makes the client of a server.
func NewArrowGo(to Target) *ArrowGo {
	return &ArrowGo{connections{target: to, options: []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
	}}}
}

// Get reads a dataset's records.
func (c *ArrowGo) Get(ctx context.Context, stream int, dataset string) (Transfer, error) {
	conn, err := c.connection(stream)
	if err != nil {
		return Transfer{}, err
	}
	get, err := flight.NewClientFromConn(conn, nil).DoGet(ctx, &flight.Ticket{Ticket: []byte(dataset)})
	if err != nil {
		return Transfer{}, err
	}
	reader, err := flight.NewRecordReader(get)
	if err != nil {
		return Transfer{}, err
	}
	defer reader.Release()
	var t Transfer
	for reader.Next() {
		for _, column := range reader.RecordBatch().Columns() {
			t.Bytes += int64(column.Data().SizeInBytes())
		}
	}
	return t, reader.Err()
}
