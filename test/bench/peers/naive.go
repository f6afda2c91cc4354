package peers

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxMessage lets batches of any size in.
const maxMessage = 1 << 30

// serveNaive is what arrow-go's documentation leads to: readers and writers of
// the library from the file to the stream and back.
func serveNaive(dir string, listener net.Listener, options ...grpc.ServerOption) error {
	options = append(options, grpc.MaxRecvMsgSize(maxMessage))
	server := flight.NewServerWithMiddleware(nil, options...)
	server.InitListener(listener)
	server.RegisterFlightService(&naive{dir: dir})
	return server.Serve()
}

type naive struct {
	flight.BaseFlightServer
	dir string
}

func (s *naive) DoGet(ticket *flight.Ticket, stream flight.FlightService_DoGetServer) error {
	name := path(s.dir, string(ticket.GetTicket()))
	if strings.HasSuffix(name, parquetSuffix) {
		return sendParquet(stream, name)
	}
	return sendIPC(stream, name)
}

func sendIPC(stream flight.FlightService_DoGetServer, name string) error {
	source, err := os.Open(name)
	if err != nil {
		return status.Error(codes.NotFound, err.Error())
	}
	defer source.Close()
	reader, err := ipc.NewFileReader(source)
	if err != nil {
		return err
	}
	defer reader.Close()
	writer := flight.NewRecordWriter(stream, ipc.WithSchema(reader.Schema()))
	for i := range reader.NumRecords() {
		record, err := reader.RecordBatchAt(i)
		if err != nil {
			return err
		}
		err = writer.Write(record)
		record.Release()
		if err != nil {
			return err
		}
	}
	return writer.Close()
}

func sendParquet(stream flight.FlightService_DoGetServer, name string) error {
	source, err := file.OpenParquetFile(name, false)
	if err != nil {
		return status.Error(codes.NotFound, err.Error())
	}
	defer source.Close()
	properties := pqarrow.ArrowReadProperties{BatchSize: 64 << 10}
	reader, err := pqarrow.NewFileReader(source, properties, memory.DefaultAllocator)
	if err != nil {
		return err
	}
	records, err := reader.GetRecordReader(stream.Context(), nil, nil)
	if err != nil {
		return err
	}
	defer records.Release()
	writer := flight.NewRecordWriter(stream, ipc.WithSchema(records.Schema()))
	for records.Next() {
		if err := writer.Write(records.RecordBatch()); err != nil {
			return err
		}
	}
	return errors.Join(records.Err(), writer.Close())
}

func (s *naive) DoPut(stream flight.FlightService_DoPutServer) error {
	reader, err := flight.NewRecordReader(stream)
	if err != nil {
		return err
	}
	defer reader.Release()
	name := path(s.dir, strings.Join(reader.LatestFlightDescriptor().GetPath(), "/"))
	if err := store(name, reader); err != nil {
		return err
	}
	return stream.Send(&flight.PutResult{})
}

// recordWriter is what files of both formats have in common.
type recordWriter interface {
	Write(arrow.RecordBatch) error
	Close() error
}

func store(name string, reader array.RecordReader) (err error) {
	target, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	writer, err := newRecordWriter(name, target, reader.Schema())
	if err != nil {
		return err
	}
	for reader.Next() {
		if err := writer.Write(reader.RecordBatch()); err != nil {
			return err
		}
	}
	if err := errors.Join(reader.Err(), writer.Close()); err != nil {
		return err
	}
	return target.Sync()
}

func newRecordWriter(name string, target *os.File, schema *arrow.Schema) (recordWriter, error) {
	if strings.HasSuffix(name, parquetSuffix) {
		properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd))
		// The struct hides Close, which the library would call before Sync.
		return pqarrow.NewFileWriter(schema, struct{ io.Writer }{target}, properties, pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	}
	return ipc.NewFileWriter(target, ipc.WithSchema(schema))
}

// DoAction removes what a put has stored, as our server's action does.
func (s *naive) DoAction(action *flight.Action, _ flight.FlightService_DoActionServer) error {
	if action.GetType() != "drop_dataset" {
		return status.Errorf(codes.Unimplemented, "no action %q", action.GetType())
	}
	var body struct {
		Dataset string `json:"dataset"`
	}
	if err := json.Unmarshal(action.GetBody(), &body); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	return os.Remove(path(s.dir, body.Dataset))
}
