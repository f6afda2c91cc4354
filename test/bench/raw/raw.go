// Package raw is a gRPC codec for messages that stay bytes: what a benchmark
// sends was encoded before the clock started, and what it receives is counted.
package raw

import (
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec of all other messages
	"google.golang.org/grpc/mem"
)

// Message is sent as it is, without a copy.
type Message struct{ Buffers mem.BufferSlice }

// Count receives a message, of which it keeps the length.
type Count struct{ Bytes int }

// Codec sends Message and receives Count; all else is protobuf.
type Codec struct{ proto encoding.CodecV2 }

// NewCodec is for grpc.ForceCodecV2 and grpc.ForceServerCodecV2.
func NewCodec() Codec { return Codec{encoding.GetCodecV2("proto")} }

// Name is protobuf's: servers need not know of this codec.
func (Codec) Name() string { return "proto" }

// Marshal gives the bytes of a message.
func (c Codec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(*Message); ok {
		return m.Buffers, nil
	}
	return c.proto.Marshal(v)
}

// Unmarshal leaves the bytes of a counted message to gRPC, which frees them.
func (c Codec) Unmarshal(data mem.BufferSlice, v any) error {
	if m, ok := v.(*Count); ok {
		m.Bytes = data.Len()
		return nil
	}
	return c.proto.Unmarshal(data, v)
}
