package wire

import (
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that all other messages go to
	"google.golang.org/grpc/mem"
)

// Codec is gRPC's codec for protobuf, with two more types of messages: Outgoing
// and Incoming are FlightData whose bodies are not copied.
func Codec() encoding.CodecV2 { return codec{encoding.GetCodecV2("proto")} }

type codec struct{ encoding.CodecV2 }

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(*Outgoing); ok {
		return m.marshal()
	}
	return c.CodecV2.Marshal(v)
}

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if m, ok := v.(*Incoming); ok {
		return m.unmarshal(data)
	}
	return c.CodecV2.Unmarshal(data, v)
}
