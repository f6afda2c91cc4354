package wire

import (
	"net"
	"sync"

	"google.golang.org/grpc/credentials"
)

// Credentials are a server's credentials, whose connections write large pieces
// and do not copy the bodies of Outgoing messages. They want a gRPC server with
// WriteBufferSize(0), which hands on what it writes as it is.
type Credentials struct {
	credentials.TransportCredentials
	writers *sync.WaitGroup
}

// NewCredentials adds writing without copies to TLS or insecure credentials. The
// last words of closed connections are counted in writers: whoever wants them
// said waits for it when the server has stopped.
func NewCredentials(of credentials.TransportCredentials, writers *sync.WaitGroup) *Credentials {
	return &Credentials{TransportCredentials: of, writers: writers}
}

// ServerHandshake is that of the credentials; the peer's certificates are in
// what it tells.
func (c *Credentials) ServerHandshake(under net.Conn) (net.Conn, credentials.AuthInfo, error) {
	records := &recordConn{Conn: under}
	secured, info, err := c.TransportCredentials.ServerHandshake(records)
	if err != nil {
		return nil, nil, err
	}
	if secured != net.Conn(records) {
		return newTLSConn(secured, records, c.writers), info, nil
	}
	return newPlainConn(under, c.writers), info, nil
}

// Clone shares the writers.
func (c *Credentials) Clone() credentials.TransportCredentials {
	return NewCredentials(c.TransportCredentials.Clone(), c.writers)
}
