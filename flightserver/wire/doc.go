// Package wire knows FlightData: the bytes of Arrow IPC messages as Flight
// carries them, a flatbuffer that describes and a body that it points into, and
// how they pass through gRPC without being copied.
//
// # Messages
//
// A message that comes from a client may say anything. Decoders trust it: a
// forged length makes them allocate until the process dies, a nest of fields
// makes them recurse until the stack is gone, and neither can be recovered
// from. A Stream reads what messages say and refuses them before a decoder sees
// them: numbers of nodes and buffers that the schema does not have, buffers that
// leave the body or are too short for the values of their column, dictionaries
// that nobody announced.
//
// A record that is sent is split where its message would be larger than stock
// clients take.
//
// # Bodies
//
// Codec is gRPC's codec for protobuf with two more types. An Outgoing's body
// reaches the transport as it lies, and an Incoming's stays in the transport's
// buffers until Free.
package wire
