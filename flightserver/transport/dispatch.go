package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// method is one of a service; unary or a stream.
type method struct {
	unary  *grpc.MethodDesc
	stream *grpc.StreamDesc
	impl   any
}

// RegisterService has a service served by impl. It panics where impl is not what
// the service wants, or the service was registered before, as gRPC does.
func (s *Server) RegisterService(d *grpc.ServiceDesc, impl any) {
	if impl != nil && d.HandlerType != nil {
		if want := reflect.TypeOf(d.HandlerType).Elem(); !reflect.TypeOf(impl).Implements(want) {
			panic(fmt.Sprintf("transport: %T does not serve %s", impl, d.ServiceName))
		}
	}
	if _, twice := s.info[d.ServiceName]; twice {
		panic("transport: " + d.ServiceName + " is registered twice")
	}
	info := grpc.ServiceInfo{Metadata: d.Metadata}
	for i := range d.Methods {
		m := &d.Methods[i]
		s.methods["/"+d.ServiceName+"/"+m.MethodName] = method{unary: m, impl: impl}
		info.Methods = append(info.Methods, grpc.MethodInfo{Name: m.MethodName})
	}
	for i := range d.Streams {
		m := &d.Streams[i]
		s.methods["/"+d.ServiceName+"/"+m.StreamName] = method{stream: m, impl: impl}
		info.Methods = append(info.Methods, grpc.MethodInfo{
			Name: m.StreamName, IsClientStream: m.ClientStreams, IsServerStream: m.ServerStreams,
		})
	}
	s.info[d.ServiceName] = info
}

// GetServiceInfo tells what is registered, by the names of services.
func (s *Server) GetServiceInfo() map[string]grpc.ServiceInfo { return s.info }

// begin takes a HEADERS frame: the beginning of a call, or its client's last word.
func (c *conn) begin(f *http2.MetaHeadersFrame) error {
	if call, known := c.find(f.StreamID); known {
		return c.trailers(call, f)
	}
	if f.StreamID%2 != 1 {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	c.seen(f.FrameHeader)
	if f.Truncated {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeEnhanceYourCalm}
	}
	r, refused, err := parse(f)
	if err != nil {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol, Cause: err}
	}
	call := c.newCall(f.StreamID, r)
	if f.StreamEnded() {
		if !call.counts(0, true) {
			call.cancel()
			return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol}
		}
		call.inbox.end(io.EOF)
	}
	if refused != nil {
		c.out.finish(call, refused.http, refused.status)
		call.leave(errEnded)
		return nil
	}
	return c.start(call)
}

// trailers end what a client has to say; gRPC gives them no meaning.
func (c *conn) trailers(call *call, f *http2.MetaHeadersFrame) error {
	switch {
	case call == nil && c.isAbandoned(f.StreamID):
		return nil
	case call == nil:
		return http2.ConnectionError(http2.ErrCodeStreamClosed)
	case call.inbox.over():
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeStreamClosed}
	case !f.StreamEnded() || len(f.PseudoFields()) > 0 || !call.counts(0, true):
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol}
	}
	call.inbox.end(io.EOF)
	return nil
}

func (c *conn) newCall(id uint32, r request) *call {
	call := &call{conn: c, id: id, request: r, inbox: newInbox(), opened: make(chan struct{}, 1)}
	if r.timed {
		call.ctx, call.cancel = context.WithTimeout(c.ctx, r.timeout)
	} else {
		call.ctx, call.cancel = context.WithCancel(c.ctx)
	}
	call.ctx = metadata.NewIncomingContext(call.ctx, r.metadata)
	call.ctx = grpc.NewContextWithServerTransportStream(call.ctx, transportStream{call})
	return call
}

// transportStream is what interceptors find in a context.
type transportStream struct{ *call }

// SetTrailer is the call's, with an error that gRPC's interface has.
func (s transportStream) SetTrailer(md metadata.MD) error {
	s.call.SetTrailer(md)
	return nil
}

// start has a call handled, unless there are too many or it comes too late.
func (c *conn) start(call *call) error {
	if refused := c.register(call); refused {
		call.cancel()
		return http2.StreamError{StreamID: call.id, Code: http2.ErrCodeRefusedStream}
	}
	// Handlers of calls that the client gave up may still run.
	if c.slots != nil {
		select {
		case c.slots <- struct{}{}:
		case <-c.out.ended:
			return c.out.cause()
		}
	}
	c.handlers.Go(func() {
		defer func() {
			if c.slots != nil {
				<-c.slots
			}
		}()
		c.server.handle(call)
	})
	return nil
}

func (c *conn) register(call *call) (refused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if most := c.server.options.MaxCalls; most > 0 && len(c.calls) >= most || c.leaving == refusing {
		return true
	}
	call.window = c.initial
	c.calls[call.id] = call
	return false
}

// handle runs the handler of a call and says its status.
func (s *Server) handle(c *call) {
	defer c.inbox.discard()
	m, found := s.methods[c.method]
	c.single = m.stream == nil || !m.stream.ClientStreams
	ended := c.watch(m)
	err := s.unknown(c.method)
	switch {
	case !found:
	case m.unary != nil:
		err = s.handleUnary(c, m)
	default:
		err = s.handleStream(c, m)
	}
	answer := statusOf(err)
	c.conn.out.finish(c, http.StatusOK, answer)
	ended(answer.Err())
	c.leave(errEnded)
}

// watch tells whoever listens that a call has begun, and gives what tells its
// end.
func (c *call) watch(m method) (ended func(error)) {
	h := c.conn.server.options.Stats
	if h == nil {
		return func(error) {}
	}
	c.ctx = h.TagRPC(c.ctx, &stats.RPCTagInfo{FullMethodName: c.method})
	begin := &stats.Begin{BeginTime: time.Now()}
	if m.stream != nil {
		begin.IsClientStream, begin.IsServerStream = m.stream.ClientStreams, m.stream.ServerStreams
	}
	h.HandleRPC(c.ctx, begin)
	h.HandleRPC(c.ctx, &stats.InHeader{
		FullMethod: c.method, Header: c.request.metadata, Compression: c.encoding,
		RemoteAddr: c.conn.net.RemoteAddr(), LocalAddr: c.conn.net.LocalAddr(),
	})
	return func(err error) {
		h.HandleRPC(c.ctx, &stats.End{BeginTime: begin.BeginTime, EndTime: time.Now(), Error: err})
	}
}

func statusOf(err error) *status.Status {
	if s, ok := status.FromError(err); ok {
		return s
	}
	return status.FromContextError(err)
}

// unknown says what is not known of a method.
func (s *Server) unknown(path string) error {
	service, name, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch _, known := s.info[service]; {
	case !ok:
		return status.Errorf(codes.Unimplemented, "malformed method name: %q", path)
	case !known:
		return status.Errorf(codes.Unimplemented, "unknown service %v", service)
	}
	return status.Errorf(codes.Unimplemented, "unknown method %v for service %v", name, service)
}

func (s *Server) handleUnary(c *call, m method) error {
	decode := func(into any) error {
		if err := c.RecvMsg(into); !errors.Is(err, io.EOF) {
			return err
		}
		return status.Error(codes.Internal, "the client sent no message")
	}
	reply, err := m.unary.Handler(m.impl, c.ctx, decode, s.unary)
	if err != nil {
		return err
	}
	return c.SendMsg(reply)
}

func (s *Server) handleStream(c *call, m method) error {
	info := &grpc.StreamServerInfo{FullMethod: c.method, IsClientStream: m.stream.ClientStreams, IsServerStream: m.stream.ServerStreams}
	return streamThrough(s.options.Stream, info, m.stream.Handler)(m.impl, c)
}

// unary goes through the interceptors, which there may be none of.
func (s *Server) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	return unaryThrough(s.options.Unary, info, handler)(ctx, req)
}

func unaryThrough(through []grpc.UnaryServerInterceptor, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) grpc.UnaryHandler {
	if len(through) == 0 {
		return handler
	}
	inner := unaryThrough(through[1:], info, handler)
	return func(ctx context.Context, req any) (any, error) { return through[0](ctx, req, info, inner) }
}

func streamThrough(through []grpc.StreamServerInterceptor, info *grpc.StreamServerInfo, handler grpc.StreamHandler) grpc.StreamHandler {
	if len(through) == 0 {
		return handler
	}
	inner := streamThrough(through[1:], info, handler)
	return func(srv any, stream grpc.ServerStream) error { return through[0](srv, stream, info, inner) }
}
