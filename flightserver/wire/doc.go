// Package wire knows the bytes of Arrow IPC messages as Flight carries them: a
// flatbuffer that describes, and a body that it points into.
//
// A message that comes from a client may say anything. Decoders trust it: a
// forged length makes them allocate until the process dies, a nest of fields
// makes them recurse until the stack is gone, and neither can be recovered
// from. A Stream reads what messages say and refuses them before a decoder sees
// them.
//
// A record that is sent is split where its message would be larger than stock
// clients take.
package wire
