package server

import (
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// FuzzReceive looks for messages that are taken in and then harm who sends them
// on.
func FuzzReceive(f *testing.F) {
	c, err := catalog.Open(f.Context(), catalog.Options{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = c.Close() })
	record := variedRecord(f)
	var schema *flight.FlightData
	for _, options := range [][]ipc.Option{nil, {ipc.WithZstd()}, {ipc.WithLZ4()}} {
		sent := uploadMessages(f, record, options...)
		schema = sent[0]
		for _, m := range sent[1:] {
			f.Add(m.GetDataHeader(), m.GetDataBody())
		}
	}
	f.Fuzz(func(t *testing.T, header, body []byte) {
		stream := recorded{schema, {DataHeader: header, DataBody: body}}
		records, err := receive(&messages{stream: &stream, onMetadata: func([]byte, bool) error { return nil }})
		if err != nil {
			return
		}
		defer records.Release()
		upload, err := c.NewUpload(t.Context(), catalog.UploadRequest{Path: []string{"x"}, Schema: records.Schema()})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = upload.Abort() }()
		for {
			batch, err := records.next()
			if err != nil || batch.Record == nil || upload.WriteBatch(batch) != nil {
				return
			}
			one, err := array.NewRecordReader(batch.Record.Schema(), []arrow.RecordBatch{batch.Record})
			if err != nil {
				t.Fatal(err)
			}
			if err := sendRecords(discard{}, one); err != nil {
				t.Fatal(err)
			}
			one.Release()
		}
	})
}

func variedRecord(t testing.TB) arrow.RecordBatch {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "b", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "l", Type: arrow.ListOf(arrow.StructOf(arrow.Field{Name: "x", Type: arrow.BinaryTypes.LargeString, Nullable: true})), Nullable: true},
		{Name: "f", Type: arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float64), Nullable: true},
		{Name: "m", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64), Nullable: true},
	}, nil)
	rows := `[{"n": 1, "s": "one", "b": true, "l": [{"x": "a"}, {"x": null}], "f": [1, 2], "m": [{"key": "k", "value": 1}]},
		{"n": null, "s": null, "b": null, "l": null, "f": null, "m": null},
		{"n": 3, "s": "three", "b": false, "l": [], "f": [3, 4], "m": []}]`
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// recorded is a stream of messages that are there.
type recorded []*flight.FlightData

func (r *recorded) RecvMsg(message any) error {
	if len(*r) == 0 {
		return io.EOF
	}
	next, err := proto.Marshal((*r)[0])
	if err != nil {
		return err
	}
	*r = (*r)[1:]
	return wire.Codec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(next)}, message)
}

// discard sends nowhere.
type discard struct{}

func (discard) SendMsg(message any) error {
	data, err := wire.Codec().Marshal(message)
	data.Free()
	return err
}
