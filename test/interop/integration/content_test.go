package integration

import (
	"bytes"
	"slices"
	"strconv"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// content is all that DoGet tells of a dataset.
type content struct {
	schema   *arrow.Schema
	records  []arrow.RecordBatch
	metadata []string // of each record, its app_metadata
}

// batchMetadata is the app_metadata that the integration client gives a batch.
func batchMetadata(i int) string { return strconv.Itoa(i) }

// put uploads records as they are, each with its number as app_metadata.
func put(t *testing.T, client flight.Client, dataset string, c content, options ...ipc.Option) {
	t.Helper()
	stream, err := client.DoPut(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := flight.NewRecordWriter(stream, append(options, ipc.WithSchema(c.schema))...)
	w.SetFlightDescriptor(descriptor(dataset))
	for i, r := range c.records {
		if err := w.WriteWithAppMetadata(r, []byte(c.metadata[i])); err != nil {
			t.Fatal(err)
		}
		answer, err := stream.Recv()
		if err != nil {
			t.Fatalf("answer to batch %d: %v", i, err)
		}
		if got := string(answer.GetAppMetadata()); got != c.metadata[i] {
			t.Errorf("answer to batch %d is %q, want its app_metadata %q", i, got, c.metadata[i])
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatalf("upload: %v", err)
	}
}

// read gives what the endpoints of a dataset hold.
func read(t *testing.T, client flight.Client, dataset string) content {
	t.Helper()
	info, err := client.GetFlightInfo(t.Context(), descriptor(dataset))
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Endpoint) != 1 || len(info.Endpoint[0].Location) == 0 {
		t.Fatalf("endpoints %v, want one with at least one location", info.Endpoint)
	}
	stream, err := client.DoGet(t.Context(), info.Endpoint[0].Ticket)
	if err != nil {
		t.Fatal(err)
	}
	r, err := flight.NewRecordReader(stream)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	c := content{schema: r.Schema()}
	for r.Next() {
		record := r.RecordBatch()
		record.Retain() // the reader releases it with the next
		c.records = append(c.records, record)
		c.metadata = append(c.metadata, string(r.LatestAppMetadata()))
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

func descriptor(dataset string) *flight.FlightDescriptor {
	return &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{dataset}}
}

// compare tells every difference. Schemas are compared by their bytes, which
// hold the order of the metadata as well.
func (c content) compare(t *testing.T, want content) {
	t.Helper()
	if !bytes.Equal(schemaBytes(c.schema), schemaBytes(want.schema)) {
		t.Errorf("schema differs\ngot  %v\nwant %v", c.schema, want.schema)
	}
	if len(c.records) != len(want.records) {
		t.Fatalf("%d batches, want %d", len(c.records), len(want.records))
	}
	for i, r := range c.records {
		if !array.RecordEqual(r, want.records[i]) {
			t.Errorf("batch %d differs\ngot  %v\nwant %v", i, r, want.records[i])
		}
	}
	if !slices.Equal(c.metadata, want.metadata) {
		t.Errorf("app_metadata of the batches is %q, want %q", c.metadata, want.metadata)
	}
}

func schemaBytes(s *arrow.Schema) []byte { return flight.SerializeSchema(s, memory.DefaultAllocator) }
