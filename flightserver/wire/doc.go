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
// reaches gRPC as it lies, and an Incoming's stays in gRPC's buffers until Free.
//
// gRPC cuts a message into frames of 16 KiB and writes a frame as its header
// and then its payload, by reference where it has no write buffer. The
// connections of Credentials collect such writes. Whose the bytes are gRPC does
// not say; so every body is entered by its address while it is on its way (a
// loan), and a part of one is kept by reference. All else is copied. A goroutine
// writes what has come together, on TCP with one system call, and ends when
// nothing is left. A Write waits while a mebibyte is pending.
//
// Frames of 16 KiB are the least that a client has to take. Where it announced
// that it takes larger ones, as C++ clients do, DATA frames that follow each
// other in one stream become one: their headers are all that is between the
// pages of a body, and most of what a client has to look at.
//
// TLS takes whole records from where they lie, and a copy of what is in pieces.
// What it encrypted is gathered, since it writes one record at a time.
//
// # Faults
//
// A body may lie in a mapped file, whose volume may fail. The kernel answers a
// write from there with an error. What is read from there by this process is
// read under guard, which makes an error of the fault. Either way the connection
// is lost and the process lives.
package wire
