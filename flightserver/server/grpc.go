package server

import (
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/experimental"

	"github.com/flight-operator/flight-operator/flightserver/tlsreload"
	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// readBuffer is what a connection is read into; gRPC's frames are 16 KiB.
const readBuffer = 128 << 10

// newGRPCServer makes a server whose connections write their last words in
// writers.
func newGRPCServer(certificates *tlsreload.Reloader, writers *sync.WaitGroup, surround []grpc.ServerOption) *grpc.Server {
	secure := insecure.NewCredentials()
	if certificates != nil {
		secure = credentials.NewTLS(certificates.Config())
	}
	return grpc.NewServer(slices.Concat(surround, []grpc.ServerOption{
		grpc.Creds(wire.NewCredentials(secure, writers)),
		grpc.ForceServerCodecV2(wire.Codec()),
		grpc.WriteBufferSize(0), // the connections of wire gather what is written
		grpc.ReadBufferSize(readBuffer),
		experimental.BufferPool(wire.BufferPool()),
		// Handlers use the catalog, which is closed once the server has stopped.
		grpc.WaitForHandlers(true),
	})...)
}
