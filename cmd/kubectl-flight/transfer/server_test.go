package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// scripted is a Flight server that does what a test says.
type scripted struct {
	flight.BaseFlightServer
	info  func() *flight.FlightInfo
	get   func(ticket string, w *flight.Writer) error
	onPut func(attempt int, rows int64) error // after the last message

	mu       sync.Mutex
	commands []putCommand // of each attempt
	rows     []int64      // received by each
	said     []totals     // at the end of each
	largest  int
}

func (s *scripted) GetFlightInfo(context.Context, *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	return s.info(), nil
}

func (s *scripted) DoGet(t *flight.Ticket, stream flight.FlightService_DoGetServer) error {
	// Metadata alone may stand before the schema.
	if err := stream.Send(&flight.FlightData{AppMetadata: []byte("hello")}); err != nil {
		return err
	}
	w := flight.NewRecordWriter(stream, ipc.WithSchema(numbers))
	if err := s.get(string(t.GetTicket()), w); err != nil {
		return err
	}
	return w.Close()
}

func (s *scripted) DoPut(stream flight.FlightService_DoPutServer) error {
	watched := &watched{FlightService_DoPutServer: stream}
	r, err := flight.NewRecordReader(dataOnly{watched})
	if err != nil {
		return err
	}
	defer r.Release()
	var command putCommand
	if err := json.Unmarshal(r.LatestFlightDescriptor().GetCmd(), &command); err != nil {
		return err
	}
	var rows int64
	for r.Next() {
		rows += r.RecordBatch().NumRows()
	}
	if err := r.Err(); err != nil {
		return err
	}
	attempt := s.note(command, rows, watched)
	if s.onPut != nil {
		if err := s.onPut(attempt, rows); err != nil {
			return err
		}
	}
	answer, err := json.Marshal(PutResult{Rows: rows, Bytes: rows * 8, Version: 7})
	return errors.Join(err, stream.Send(&flight.PutResult{AppMetadata: answer}))
}

func (s *scripted) note(command putCommand, rows int64, w *watched) (attempt int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, command)
	s.rows = append(s.rows, rows)
	s.said = append(s.said, w.said)
	s.largest = max(s.largest, w.largest)
	return len(s.commands)
}

// watched notes what arrives.
type watched struct {
	flight.FlightService_DoPutServer
	said    totals
	largest int
}

func (w *watched) Recv() (*flight.FlightData, error) {
	data, err := w.FlightService_DoPutServer.Recv()
	w.largest = max(w.largest, len(data.GetDataBody()))
	if m := data.GetAppMetadata(); err == nil && len(m) > 0 {
		err = json.Unmarshal(m, &w.said)
	}
	return data, err
}

// start serves s and connects to it.
func start(t *testing.T, s *scripted) *conns {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	flight.RegisterFlightServiceServer(server, s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends with Stop
	}()
	t.Cleanup(func() { server.Stop(); <-done })
	conn, err := grpc.NewClient("passthrough:///"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &conns{client: flight.NewClientFromConn(conn, nil)}
}

type conns struct {
	client    flight.Client
	locations map[string]flight.Client
}

func (c *conns) Client() flight.Client                              { return c.client }
func (c *conns) Location(_ context.Context, u string) flight.Client { return c.locations[u] }

var numbers = arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)

// count gives a batch of the numbers from start on.
func count(start, n int64) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, numbers)
	defer b.Release()
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(start + i)
	}
	return b.NewRecordBatch()
}

// collected is a writer that keeps the numbers.
type collected struct {
	numbers []int64
	closed  bool
}

func (c *collected) Write(rec arrow.RecordBatch) error {
	c.numbers = append(c.numbers, rec.Column(0).(*array.Int64).Int64Values()...)
	return nil
}

func (c *collected) Close() error {
	c.closed = true
	return nil
}

// failing is a source that ends with an error.
type failing struct{ io.Reader }

func (f failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("the pipe broke")
	}
	return n, err
}
