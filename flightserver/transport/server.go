package transport

import (
	"errors"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"
)

// ErrStopped is what Serve returns when the server was stopped.
var ErrStopped = errors.New("transport: the server has stopped")

// Options of a server. The zero value of a limit is none.
type Options struct {
	Credentials credentials.TransportCredentials
	Codec       encoding.CodecV2
	Unary       []grpc.UnaryServerInterceptor  // outermost first
	Stream      []grpc.StreamServerInterceptor // outermost first
	Stats       stats.Handler                  // nil: nobody listens

	MaxMessageBytes    int           // of a message that a client sends
	MaxCalls           int           // of a connection at one time
	MaxHeaderListBytes uint32        // of a call, as RFC 9113 counts them
	HandshakeTimeout   time.Duration // of TLS and HTTP/2 together
	Keepalive          keepalive.ServerParameters
	Enforcement        keepalive.EnforcementPolicy
}

// Server serves gRPC. Services are registered before Serve.
type Server struct {
	options Options
	methods map[string]method // by their path
	info    map[string]grpc.ServiceInfo

	// running counts connections with their handlers.
	running sync.WaitGroup

	mu          sync.Mutex
	end         func(*conn) // how connections end; nil: the server serves
	listeners   map[net.Listener]bool
	connections map[net.Conn]*conn // nil: still shaking hands
}

// NewServer makes a server that serves nothing yet.
func NewServer(o Options) *Server {
	return &Server{
		options:     o,
		methods:     map[string]method{},
		info:        map[string]grpc.ServiceInfo{},
		listeners:   map[net.Listener]bool{},
		connections: map[net.Conn]*conn{},
	}
}

// Serve accepts connections until the server stops, and closes the listener.
// The error is ErrStopped then.
func (s *Server) Serve(l net.Listener) error {
	if !s.listens(l) {
		_ = l.Close()
		return ErrStopped
	}
	defer s.forgetListener(l)
	for {
		c, err := accept(l)
		if err != nil {
			return s.orStopped(err)
		}
		s.running.Go(func() { s.serve(c) })
	}
}

func (s *Server) listens(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil {
		return false
	}
	s.listeners[l] = true
	s.running.Add(1) // so that nobody waits for connections that are yet to come
	return true
}

func (s *Server) forgetListener(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.running.Done()
	delete(s.listeners, l)
	_ = l.Close()
}

func (s *Server) orStopped(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil {
		return ErrStopped
	}
	return err
}

// How long a listener waits that cannot accept for want of descriptors.
const (
	leastBackoff = 5 * time.Millisecond
	mostBackoff  = time.Second
)

// accept waits where there is nothing to accept with for the moment.
func accept(l net.Listener) (net.Conn, error) {
	for backoff := leastBackoff; ; backoff = min(2*backoff, mostBackoff) {
		c, err := l.Accept()
		var passing interface{ Temporary() bool }
		if err == nil || !errors.As(err, &passing) || !passing.Temporary() {
			return c, err
		}
		time.Sleep(backoff)
	}
}

// serve serves a connection until it is lost or left, and its handlers have
// returned.
func (s *Server) serve(under net.Conn) {
	s.enter(under, nil)
	defer s.leave(under)
	c, err := s.handshake(under)
	if err != nil {
		_ = under.Close() // whoever it was spoke something else
		return
	}
	s.enter(under, c)
	c.run()
}

// handshake says who speaks, and what.
func (s *Server) handshake(under net.Conn) (*conn, error) {
	if s.options.HandshakeTimeout > 0 {
		if err := under.SetDeadline(time.Now().Add(s.options.HandshakeTimeout)); err != nil {
			return nil, err
		}
	}
	secured, err := secure(under, s.options.Credentials)
	if err != nil {
		return nil, err
	}
	c := newConn(s, secured)
	if err := c.greet(); err != nil {
		c.fail(err)
		c.in.close()
		return nil, err
	}
	return c, under.SetDeadline(time.Time{})
}

func (s *Server) enter(under net.Conn, c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections[under] = c
	if s.end != nil {
		s.endLocked(under, c)
	}
}

func (s *Server) endLocked(under net.Conn, c *conn) {
	if c == nil {
		_ = under.Close()
		return
	}
	s.end(c)
}

func (s *Server) leave(under net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connections, under)
}

// GracefulStop accepts no more connections and calls, and returns when the calls
// in flight have ended and their handlers have returned.
func (s *Server) GracefulStop() { s.stop((*conn).drain) }

// Stop ends all calls and connections, and returns when their handlers have
// returned.
func (s *Server) Stop() { s.stop(func(c *conn) { c.fail(ErrStopped) }) }

func (s *Server) stop(end func(*conn)) {
	s.endAll(end)
	s.running.Wait()
}

func (s *Server) endAll(end func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = end
	for l := range s.listeners {
		_ = l.Close()
	}
	for under, c := range s.connections {
		s.endLocked(under, c)
	}
}
