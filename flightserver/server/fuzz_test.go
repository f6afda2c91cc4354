package server

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// The targets of this file ask a whole server. Whatever a client says, the
// answer is never that the server is at fault.

func FuzzDescribe(f *testing.F) {
	client := fuzzedServer(f)
	f.Add([]byte("x"))
	f.Add([]byte(`{"dataset": "x", "columns": ["n"], "filter": "n > 1 AND n IS NOT NULL", "limit": 3, "version": 1}`))
	f.Add([]byte(`{"sql": "SELECT 1"}`))
	f.Fuzz(func(t *testing.T, command []byte) {
		descriptor := &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: command}
		_, err := client.GetSchema(t.Context(), descriptor)
		blameless(t, err)
		_, err = client.PollFlightInfo(t.Context(), descriptor)
		blameless(t, err)
		info, err := client.GetFlightInfo(t.Context(), descriptor)
		blameless(t, err)
		for _, e := range info.GetEndpoint() {
			stream, err := client.DoGet(t.Context(), e.GetTicket())
			if err == nil {
				err = drain(stream.Recv)
			}
			blameless(t, err)
		}
	})
}

func FuzzCriteria(f *testing.F) {
	client := fuzzedServer(f)
	f.Add([]byte("x"))
	f.Add([]byte(`{"prefix": "x", "where": "rows > 1"}`))
	f.Fuzz(func(t *testing.T, expression []byte) {
		stream, err := client.ListFlights(t.Context(), &flight.Criteria{Expression: expression})
		if err == nil {
			err = drain(stream.Recv)
		}
		blameless(t, err)
	})
}

// FuzzPut says things about an upload, in its command and in app_metadata ahead
// of its data.
func FuzzPut(f *testing.F) {
	client := fuzzedServer(f)
	f.Add([]byte(`{"dataset": "x", "mode": "append", "upload": "u"}`), []byte(`{"mode": "replace", "rows": 3}`))
	f.Add([]byte(`x`), []byte{})
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int32}}, nil)
	f.Fuzz(func(t *testing.T, command, metadata []byte) {
		stream, err := client.DoPut(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		writer := flight.NewRecordWriter(stream, ipc.WithSchema(schema))
		writer.SetFlightDescriptor(&flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: command})
		_ = writer.Close() // sends the schema; what fails is told by Recv
		_ = stream.Send(&flight.FlightData{AppMetadata: metadata})
		_ = stream.CloseSend()
		blameless(t, drain(stream.Recv))
	})
}

// fuzzedServer has one dataset, x.
func fuzzedServer(f *testing.F) flight.Client {
	f.Helper()
	s := settings.Default()
	s.DataDir, s.Listen, s.OpsListen = f.TempDir(), "127.0.0.1:0", ""
	server, err := New(f.Context(), options(s))
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	client, err := flight.NewClientWithMiddleware(server.dataListener.Addr().String(), nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		_ = client.Close()
		cancel()
		if err := <-ended; err != nil {
			f.Error(err)
		}
	})
	stream, err := client.DoPut(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range uploadMessages(f, variedRecord(f)) {
		_ = stream.Send(m) // what fails is told by Recv
	}
	_ = stream.CloseSend()
	if err := drain(stream.Recv); err != nil {
		f.Fatal(err)
	}
	return client
}

// drain reads a stream to its end.
func drain[T any](receive func() (T, error)) error {
	for {
		if _, err := receive(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func blameless(t *testing.T, err error) {
	t.Helper()
	if code := status.Code(err); code == codes.Internal || code == codes.Unknown || code == codes.DataLoss {
		t.Error(err)
	}
}
