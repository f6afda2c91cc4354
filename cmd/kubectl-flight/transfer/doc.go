// Package transfer moves datasets between files and a Flight server. Errors
// of the server are returned as the gRPC status errors that they are.
package transfer
