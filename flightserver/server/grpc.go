package server

import (
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"

	"github.com/flight-operator/flight-operator/flightserver/tlsreload"
	"github.com/flight-operator/flight-operator/flightserver/transport"
	"github.com/flight-operator/flight-operator/flightserver/wire"
)

// surround is what calls go through, outermost first.
type surround struct {
	unary  []grpc.UnaryServerInterceptor
	stream []grpc.StreamServerInterceptor
}

// surroundBy has calls of either kind go through the same.
func surroundBy(all ...around) (s surround) {
	for _, each := range all {
		s.unary, s.stream = append(s.unary, each.unary), append(s.stream, each.stream)
	}
	return s
}

func (s surround) then(inner surround) surround {
	return surround{slices.Concat(s.unary, inner.unary), slices.Concat(s.stream, inner.stream)}
}

// newGRPCServer makes a server of FlightData, with the guards' limits.
func newGRPCServer(certificates *tlsreload.Reloader, g *guards, through surround, listener stats.Handler) *transport.Server {
	o := g.transport()
	o.Credentials = insecure.NewCredentials()
	if certificates != nil {
		o.Credentials = credentials.NewTLS(certificates.Config())
	}
	o.Codec, o.Unary, o.Stream, o.Stats = wire.Codec(), through.unary, through.stream, listener
	return transport.NewServer(o)
}
