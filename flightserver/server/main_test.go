package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testSettings are those of a server of a test: every port is any free one.
func testSettings(t *testing.T) *settings.ServerSettings {
	t.Helper()
	s := settings.Default()
	s.DataDir = t.TempDir()
	s.Listen, s.OpsListen = "127.0.0.1:0", "127.0.0.1:0"
	s.DrainTimeout = metav1.Duration{Duration: 5 * time.Second}
	return s
}

// start runs a server until the test ends or stop is called.
func start(t *testing.T, s *settings.ServerSettings) (srv *Server, stop func()) {
	t.Helper()
	return startWith(t, options(s))
}

func options(s *settings.ServerSettings) Options {
	return Options{
		Settings: s,
		Logger:   slog.New(slog.DiscardHandler),
		Registry: prometheus.NewRegistry(),
		Clock:    clock.RealClock{},
	}
}

func startWith(t *testing.T, o Options) (srv *Server, stop func()) {
	t.Helper()
	srv, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	var stopped bool
	stop = func() {
		cancel()
		if stopped {
			return
		}
		stopped = true
		if err := <-ended; err != nil {
			t.Errorf("Run() = %v", err)
		}
	}
	t.Cleanup(stop)
	return srv, stop
}

// connect gives an arrow-go client of the server; a nil configuration is
// plaintext, an empty token sends none.
func connect(t *testing.T, uri string, config *tls.Config, token string) flight.Client {
	t.Helper()
	transport := insecure.NewCredentials()
	if config != nil {
		transport = credentials.NewTLS(config)
	}
	_, address, _ := strings.Cut(uri, "://")
	options := []grpc.DialOption{grpc.WithTransportCredentials(transport)}
	if token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearerToken(token)))
	}
	client, err := flight.NewClientWithMiddleware(address, nil, nil, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

type bearerToken string

func (b bearerToken) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearerToken) RequireTransportSecurity() bool { return false }

func path(segments ...string) *flight.FlightDescriptor {
	return &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: segments}
}

func command(body string) *flight.FlightDescriptor {
	return &flight.FlightDescriptor{Type: flight.DescriptorCMD, Cmd: []byte(body)}
}

// characters is a small table.
func characters(t testing.TB, names ...string) arrow.RecordBatch {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "character", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues(names, nil)
	return b.NewRecordBatch()
}

// upload is one DoPut of a test.
type upload struct {
	to       *flight.FlightDescriptor
	before   string // app_metadata before the first batch
	records  []arrow.RecordBatch
	schema   *arrow.Schema // for no records
	metadata []string      // app_metadata of the batches
	after    string        // app_metadata behind the last batch
}

// doPut uploads and gives what the server answered, in order.
func doPut(ctx context.Context, client flight.Client, u upload) ([]string, error) {
	stream, err := client.DoPut(ctx)
	if err != nil {
		return nil, err
	}
	schema := u.schema
	if len(u.records) > 0 {
		schema = u.records[0].Schema()
	}
	writer := flight.NewRecordWriter(stream, ipc.WithSchema(schema))
	writer.SetFlightDescriptor(u.to)
	if err := send(writer, stream, u); err != nil && status.Code(err) != codes.Unknown {
		return nil, err
	} // else the server ended the stream, and Recv tells why
	return answers(stream)
}

func send(writer *flight.Writer, stream flight.FlightService_DoPutClient, u upload) error {
	if u.before != "" {
		if err := stream.Send(&flight.FlightData{FlightDescriptor: u.to, AppMetadata: []byte(u.before)}); err != nil {
			return err
		}
	}
	for i, record := range u.records {
		var own []byte
		if i < len(u.metadata) {
			own = []byte(u.metadata[i])
		}
		if err := writer.WriteWithAppMetadata(record, own); err != nil {
			return err
		}
	}
	if err := writer.Close(); err != nil {
		return err
	}
	if u.after != "" {
		if err := writer.WriteMetadata([]byte(u.after)); err != nil {
			return err
		}
	}
	return stream.CloseSend()
}

func answers(stream flight.FlightService_DoPutClient) ([]string, error) {
	var out []string
	for {
		result, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, string(result.GetAppMetadata()))
	}
}

// table is what a DoGet gave.
type table struct {
	schema   *arrow.Schema
	records  []arrow.RecordBatch
	rows     int64
	messages []*flight.FlightData
}

// values gives the strings of the first column.
func (t table) values() []string {
	var out []string
	for _, r := range t.records {
		for i := range int(r.NumRows()) {
			out = append(out, r.Column(0).ValueStr(i))
		}
	}
	return out
}

func doGet(ctx context.Context, client flight.Client, ticket []byte) (table, error) {
	stream, err := client.DoGet(ctx, &flight.Ticket{Ticket: ticket})
	if err != nil {
		return table{}, err
	}
	var out table
	reader, err := flight.NewRecordReader(keepMessages{stream, &out.messages})
	if err != nil {
		return table{}, err
	}
	defer reader.Release()
	out.schema = reader.Schema()
	for reader.Next() {
		record := reader.RecordBatch()
		record.Retain()
		out.records = append(out.records, record)
		out.rows += record.NumRows()
	}
	return out, reader.Err()
}

type keepMessages struct {
	flight.DataStreamReader
	messages *[]*flight.FlightData
}

func (k keepMessages) Recv() (*flight.FlightData, error) {
	data, err := k.DataStreamReader.Recv()
	if err == nil {
		*k.messages = append(*k.messages, data)
	}
	return data, err
}

// list gives the names that a client sees.
func list(ctx context.Context, client flight.Client, criteria string) ([]string, error) {
	stream, err := client.ListFlights(ctx, &flight.Criteria{Expression: []byte(criteria)})
	if err != nil {
		return nil, err
	}
	var out []string
	for {
		info, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, strings.Join(info.GetFlightDescriptor().GetPath(), "/"))
	}
}

// act runs an action and gives the bodies of its results.
func act(ctx context.Context, client flight.Client, name, body string) ([]string, error) {
	stream, err := client.DoAction(ctx, &flight.Action{Type: name, Body: []byte(body)})
	if err != nil {
		return nil, err
	}
	var out []string
	for {
		result, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, string(result.GetBody()))
	}
}

// wantStatus checks the code and a part of the text that a client reads.
func wantStatus(t *testing.T, err error, code codes.Code, text string) {
	t.Helper()
	s := status.Convert(err)
	if s.Code() != code || !strings.Contains(s.Message(), text) {
		t.Errorf("error = %v %q, want %v with %q", s.Code(), s.Message(), code, text)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// withToken adds a token to one call.
func withToken(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}
