package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// FuzzIncoming reads messages as they may lie in buffers of any size, and looks
// for any that protobuf's own decoder reads otherwise.
func FuzzIncoming(f *testing.F) {
	for _, message := range []*flight.FlightData{
		{},
		{DataHeader: []byte("header"), DataBody: bytes.Repeat([]byte("body"), 100)},
		{FlightDescriptor: &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{"a", "b"}}, AppMetadata: []byte("{}")},
	} {
		encoded, err := proto.Marshal(message)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded, uint8(7))
		f.Add(append(encoded, encoded...), uint8(1))
	}
	f.Fuzz(func(t *testing.T, encoded []byte, size uint8) {
		var got Incoming
		err := got.unmarshal(buffersOf(encoded, int(size)+1))
		var want flight.FlightData
		wanted := proto.Unmarshal(encoded, &want)
		if err == nil {
			defer got.Free()
		}
		switch {
		case err != nil && wanted == nil && !errors.Is(err, errGroup):
			t.Fatalf("unmarshal() = %v, protobuf takes it", err)
		case err == nil && wanted != nil:
			t.Fatalf("unmarshal() takes what protobuf refuses: %v", wanted)
		case err != nil:
			return
		}
		body := make([]byte, got.BodyLen())
		got.CopyBody(body)
		same := bytes.Equal(got.Header, want.DataHeader) && bytes.Equal(got.AppMetadata, want.AppMetadata) &&
			bytes.Equal(body, want.DataBody) && (got.Descriptor == nil) == (want.FlightDescriptor == nil)
		if !same || (got.Descriptor != nil && !proto.Equal(got.Descriptor, want.FlightDescriptor)) {
			t.Errorf("%x is read as %v, by protobuf as %v", encoded, &got, &want)
		}
	})
}

func buffersOf(content []byte, size int) mem.BufferSlice {
	var buffers mem.BufferSlice
	for len(content) > 0 {
		n := min(size, len(content))
		buffers = append(buffers, mem.SliceBuffer(content[:n]))
		content = content[n:]
	}
	return buffers
}

// FuzzSchema looks for schemas that pass and then break a decoder.
func FuzzSchema(f *testing.F) {
	f.Add(schemaMessage(f, sampleSchema()).header)
	f.Add(nested(8).header)
	f.Add(shared(4).header)
	f.Fuzz(func(_ *testing.T, header []byte) {
		var stream Stream
		if _, err := stream.Check(header, nil); err != nil {
			return
		}
		reader, err := ipc.NewReaderFromMessageReader(&replay{{header: header}})
		if err != nil {
			return
		}
		_ = reader.Schema().String()
		reader.Release()
	})
}
