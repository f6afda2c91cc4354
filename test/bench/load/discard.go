package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/flight-operator/flight-operator/test/bench/raw"
	"github.com/flight-operator/flight-operator/test/bench/tables"
)

const (
	methodGet = "/arrow.flight.protocol.FlightService/DoGet"
	methodPut = "/arrow.flight.protocol.FlightService/DoPut"

	// maxMessage lets any server send batches as large as they are.
	maxMessage = 1 << 30
)

// Discard speaks Flight and looks at nothing it receives. What it sends was
// encoded before.
type Discard struct {
	connections
}

// NewDiscard makes the client of a server.
func NewDiscard(to Target) *Discard {
	return &Discard{connections{target: to, options: []grpc.DialOption{
		grpc.WithReadBufferSize(readBuffer),
		grpc.WithWriteBufferSize(readBuffer),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(raw.NewCodec()), grpc.MaxCallRecvMsgSize(maxMessage)),
	}}}
}

// Get receives a dataset.
func (c *Discard) Get(ctx context.Context, stream int, dataset string) (Transfer, error) {
	conn, err := c.connection(stream)
	if err != nil {
		return Transfer{}, err
	}
	get, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, methodGet)
	if err != nil {
		return Transfer{}, err
	}
	if err := errors.Join(get.SendMsg(&flight.Ticket{Ticket: []byte(dataset)}), get.CloseSend()); err != nil {
		return Transfer{}, err
	}
	bytes, err := count(get)
	return Transfer{Bytes: bytes}, err
}

// count receives until the stream ends in good order.
func count(stream grpc.ClientStream) (int64, error) {
	var bytes int64
	for {
		m := &raw.Count{}
		err := stream.RecvMsg(m)
		if errors.Is(err, io.EOF) {
			return bytes, nil
		}
		if err != nil {
			return bytes, err
		}
		bytes += int64(m.Bytes)
	}
}

// Put sends a table and waits until the server has stored it.
func (c *Discard) Put(ctx context.Context, stream int, dataset string, table *tables.Table) error {
	return c.put(ctx, stream, &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{dataset}}, table)
}

// Append adds a table to a dataset that is there.
func (c *Discard) Append(ctx context.Context, dataset string, table *tables.Table) error {
	command, err := json.Marshal(map[string]string{"dataset": dataset, "mode": "append"})
	if err != nil {
		return err
	}
	return c.put(ctx, 0, &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: command}, table)
}

func (c *Discard) put(ctx context.Context, stream int, to *flight.FlightDescriptor, table *tables.Table) error {
	conn, err := c.connection(stream)
	if err != nil {
		return err
	}
	put, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, methodPut)
	if err != nil {
		return err
	}
	descriptor, err := proto.Marshal(to)
	if err != nil {
		return err
	}
	err = put.SendMsg(flightData(descriptor, table.Schema))
	for i := 0; i < table.Batches && err == nil; i++ {
		err = put.SendMsg(flightData(nil, table.Batch(i)))
	}
	if err != nil && !errors.Is(err, io.EOF) { // io.EOF: the answer has the reason
		return err
	}
	if err := put.CloseSend(); err != nil {
		return err
	}
	_, err = count(put)
	return err
}

// flightData is a FlightData around a body that is not copied.
func flightData(descriptor []byte, m tables.Message) *raw.Message {
	const fieldDescriptor, fieldHeader, fieldBody = 1, 2, 1000
	var head []byte
	if descriptor != nil {
		head = protowire.AppendTag(head, fieldDescriptor, protowire.BytesType)
		head = protowire.AppendBytes(head, descriptor)
	}
	head = protowire.AppendTag(head, fieldHeader, protowire.BytesType)
	head = protowire.AppendBytes(head, m.Header)
	head = protowire.AppendTag(head, fieldBody, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(len(m.Body)))
	return &raw.Message{Buffers: mem.BufferSlice{mem.SliceBuffer(head), mem.SliceBuffer(m.Body)}}
}

// Drop removes a dataset.
func (c *Discard) Drop(ctx context.Context, dataset string) error {
	conn, err := c.connection(0)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"dataset": dataset})
	if err != nil {
		return err
	}
	results, err := flight.NewFlightServiceClient(conn).DoAction(ctx, &flight.Action{Type: "drop_dataset", Body: body})
	for err == nil {
		_, err = results.Recv()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("dropping %q: %w", dataset, err)
}

// List counts the flights of a server.
func (c *Discard) List(ctx context.Context) (int, error) {
	conn, err := c.connection(0)
	if err != nil {
		return 0, err
	}
	flights, err := flight.NewFlightServiceClient(conn).ListFlights(ctx, &flight.Criteria{})
	if err != nil {
		return 0, err
	}
	for n := 0; ; n++ {
		if _, err := flights.Recv(); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}

// connections to one server, a number for each stream.
type connections struct {
	target  Target
	options []grpc.DialOption

	mu   sync.Mutex
	open []*grpc.ClientConn
}

func (c *connections) connection(stream int) (*grpc.ClientConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.open) <= stream {
		conn, err := grpc.NewClient("passthrough:///"+c.target.Address, append(c.options, transport(c.target))...)
		if err != nil {
			return nil, err
		}
		c.open = append(c.open, conn)
	}
	return c.open[stream], nil
}

func transport(to Target) grpc.DialOption {
	if to.TLS == nil {
		return grpc.WithTransportCredentials(insecure.NewCredentials())
	}
	return grpc.WithTransportCredentials(credentials.NewTLS(to.TLS))
}

// Close ends all connections.
func (c *connections) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, conn := range c.open {
		errs = append(errs, conn.Close())
	}
	c.open = nil
	return errors.Join(errs...)
}
