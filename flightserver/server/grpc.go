package server

import (
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/flight-operator/flight-operator/flightserver/tlsreload"
)

// writeBuffer gathers HTTP/2 frames into one write: gRPC's frames are 16 KiB,
// and its default of 32 KiB costs a third of the throughput.
const writeBuffer = 1 << 20

func newGRPCServer(certificates *tlsreload.Reloader, surround []grpc.ServerOption) *grpc.Server {
	options := slices.Concat(surround, []grpc.ServerOption{
		grpc.WriteBufferSize(writeBuffer),
		// Handlers use the catalog, which is closed once the server has stopped.
		grpc.WaitForHandlers(true),
	})
	if certificates != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(certificates.Config())))
	}
	return grpc.NewServer(options...)
}
