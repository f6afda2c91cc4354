// Package transport is gRPC's server side over HTTP/2, made for messages of
// mebibytes: what is sent goes to the network from where it lies, and what is
// received stays where it was read.
//
// It serves what is registered by a grpc.ServiceDesc, with gRPC's interceptors,
// codecs, credentials, stats handlers and statuses: services do not see that
// their server is another one. The frames' syntax and HPACK are those of
// golang.org/x/net.
//
// # Sending
//
// A call writes its own DATA frames, from its own goroutine. It takes as much of
// the windows of its call and its connection as there is, waits for its turn
// among the connection's calls, and gives frames as large as the client takes to
// one system call. SendMsg returns when the kernel, or TLS, has copied the last
// byte; whose the bytes are is no question then. So a slow client costs what the
// handler holds and the kernel's buffer, and nothing here.
//
// All other frames, and messages that are small, are put together and written
// by whoever has the turn next, else by a goroutine that ends when nothing is
// left. A connection that does not take them is not read from any more.
//
// # Receiving
//
// One goroutine reads a connection, into buffers that the messages are parts of.
// A call's window opens as its handler takes what has come; it grows where the
// client fills it quickly, and stays small where it does not. An idle connection
// without TLS has no buffer.
//
// # Limits
//
// A client is bounded in calls, also in those that it has given up and whose
// handlers still run, in header bytes, in the size of a message, and in pings. A
// connection that is too old is left in the way that GOAWAY has for it.
//
// Sources: RFC 9113 (HTTP/2), RFC 7541 (HPACK), gRPC over HTTP2
// (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md).
package transport
