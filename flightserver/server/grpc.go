package server

import (
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/flight-operator/flight-operator/flightserver/tlsreload"
	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// writeBuffer gathers HTTP/2 frames into one write: gRPC's frames are 16 KiB,
// and its default of 32 KiB costs a third of the throughput.
const writeBuffer = 1 << 20

func newGRPCServer(certificates *tlsreload.Reloader, surround []grpc.ServerOption) *grpc.Server {
	options := slices.Concat(surround, []grpc.ServerOption{
		grpc.MaxRecvMsgSize(wire.MaxMessageBytes),
		grpc.WriteBufferSize(writeBuffer),
		// Handlers use the catalog, which is closed once the server has stopped.
		grpc.WaitForHandlers(true),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime:             10 * time.Second, // the least that gRPC's own clients ask for
			PermitWithoutStream: true,
		}),
		// A peer that is gone without a word holds its uploads' space no longer.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
	})
	if certificates != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(certificates.Config())))
	}
	return grpc.NewServer(options...)
}
