package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

const (
	// maxFrameBytes is what clients may put in a DATA frame; maxControlBytes in
	// any other, which is read as a whole.
	maxFrameBytes   = 1 << 20
	maxControlBytes = 64 << 10

	// lingerTime is what a client has to read the last words of a connection.
	lingerTime = time.Second
)

// conn is a connection of a client. One goroutine reads it, see run.
type conn struct {
	server *Server
	net    socket
	in     input
	frames *http2.Framer // of in
	out    *output

	ctx    context.Context //nolint:containedctx // what the contexts of calls come from
	cancel context.CancelFunc

	slots    chan struct{} // a place for each handler; nil: as many as come
	handlers sync.WaitGroup
	read     atomic.Int64 // when something was read last, in nanoseconds since 1970
	pings    pings

	owed int // bytes of the connection's window that were received and not given back

	mu    sync.Mutex
	calls map[uint32]*call
	last  uint32 // of the calls that came
	// abandoned are the last of the calls that ended before their client had said
	// all: what is on its way of them is skipped.
	abandoned []uint32
	leaving   leaving
	window    int64 // for what is sent, of the connection
	initial   int64 // and of a new call
	frame     int   // bytes that the client takes in a frame
}

func newConn(s *Server, under socket) *conn {
	c := &conn{
		server: s, net: under, in: input{socket: under}, out: newOutput(under, &s.running),
		calls: map[uint32]*call{}, window: firstWindow, initial: firstWindow, frame: leastFrame,
	}
	c.frames = http2.NewFramer(nil, &c.in)
	c.frames.SetReuseFrames()
	c.frames.SetMaxReadFrameSize(maxControlBytes)
	c.frames.ReadMetaHeaders = hpack.NewDecoder(tableBytes, nil)
	c.frames.MaxHeaderListSize = s.options.MaxHeaderListBytes
	if n := s.options.MaxCalls; n > 0 {
		c.slots = make(chan struct{}, n)
	}
	return c
}

// greet says and hears the connection's first words, RFC 9113, section 3.4.
func (c *conn) greet() error {
	c.out.queue(c.announce)
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(&c.in, preface); err != nil {
		return err
	}
	if string(preface) != http2.ClientPreface {
		return fmt.Errorf("transport: the client does not speak HTTP/2: %q", preface)
	}
	f, err := c.frames.ReadFrame()
	if err != nil {
		return err
	}
	first, ok := f.(*http2.SettingsFrame)
	if !ok || first.IsAck() {
		return fmt.Errorf("transport: the client began with a frame of type %s", f.Header().Type)
	}
	return c.settings(first)
}

func (c *conn) announce(f *http2.Framer) {
	o := c.server.options
	settings := []http2.Setting{{ID: http2.SettingMaxFrameSize, Val: maxFrameBytes}}
	if o.MaxCalls > 0 {
		settings = append(settings, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: uint32(o.MaxCalls)})
	}
	if o.MaxHeaderListBytes > 0 {
		settings = append(settings, http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: o.MaxHeaderListBytes})
	}
	_ = f.WriteSettings(settings...) // it goes to memory, as all that is queued
	_ = f.WriteWindowUpdate(0, connectionWindow-firstWindow)
}

// run serves the connection until it is lost or left, and its handlers have
// returned.
func (c *conn) run() {
	ctx := context.Background()
	if h := c.server.options.Stats; h != nil {
		ctx = h.TagConn(ctx, &stats.ConnTagInfo{RemoteAddr: c.net.RemoteAddr(), LocalAddr: c.net.LocalAddr()})
		h.HandleConn(ctx, &stats.ConnBegin{})
		defer func() { h.HandleConn(ctx, &stats.ConnEnd{}) }()
	}
	ctx = peer.NewContext(ctx, &peer.Peer{Addr: c.net.RemoteAddr(), LocalAddr: c.net.LocalAddr(), AuthInfo: c.net.info})
	c.ctx, c.cancel = context.WithCancel(ctx)
	c.read.Store(time.Now().UnixNano())
	c.handlers.Go(c.keep)
	err := c.serve()
	if code, told := errorCode(err); told {
		c.goAway(code, err)
	}
	c.fail(err)
	c.cancel()
	c.handlers.Wait()
	c.in.close()
}

// fail ends the connection. What is queued is lost.
func (c *conn) fail(err error) { c.out.fail(err) }

// serve reads frames until the connection ends.
func (c *conn) serve() error {
	c.frames.SetMaxReadFrameSize(maxFrameBytes)
	for {
		h, err := c.frames.ReadFrameHeader()
		if err == nil {
			c.read.Store(time.Now().UnixNano())
			err = c.receive(h)
		}
		if ofCall, ok := errors.AsType[http2.StreamError](err); ok {
			c.reset(ofCall.StreamID, ofCall.Code)
			err = nil
		}
		if err != nil {
			return err
		}
	}
}

// receive reads a frame's payload.
func (c *conn) receive(h http2.FrameHeader) error {
	switch {
	case h.Type == http2.FrameData:
		return c.data(h)
	case h.Length > maxControlBytes:
		return http2.ErrFrameTooLarge
	}
	c.frames.SetMaxReadFrameSize(maxControlBytes) // of those that continue it
	f, err := c.frames.ReadFrameForHeader(h)
	c.frames.SetMaxReadFrameSize(maxFrameBytes)
	if err != nil {
		c.seen(h) // a call whose header is wrong was one
		return err
	}
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		return c.begin(f)
	case *http2.SettingsFrame:
		return c.settings(f)
	case *http2.WindowUpdateFrame:
		return c.windowUpdate(f)
	case *http2.RSTStreamFrame:
		return c.resetByClient(f)
	case *http2.PingFrame:
		return c.ping(f)
	case *http2.PushPromiseFrame:
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	return nil // GOAWAY, PRIORITY and unknown ones ask for nothing
}

// goAway tells why the connection ends.
func (c *conn) goAway(code http2.ErrCode, why error) {
	c.mu.Lock()
	last := c.last
	c.mu.Unlock()
	_ = c.net.SetWriteDeadline(time.Now().Add(lingerTime))
	c.out.queue(func(f *http2.Framer) { _ = f.WriteGoAway(last, code, []byte(why.Error())) })
	c.out.wait()
}

// errorCode tells what a client is told of an error; nothing of a connection that
// is lost.
func errorCode(err error) (code http2.ErrCode, told bool) {
	protocol, ok := errors.AsType[http2.ConnectionError](err)
	switch {
	case ok:
		return http2.ErrCode(protocol), true
	case errors.Is(err, http2.ErrFrameTooLarge):
		return http2.ErrCodeFrameSize, true
	case errors.Is(err, errTooManyPings):
		return http2.ErrCodeEnhanceYourCalm, true
	}
	return 0, false
}

// find gives a call, nil when it has ended; known are those that came.
func (c *conn) find(id uint32) (found *call, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[id], id <= c.last && id%2 == 1
}

// seen notes a call that is over before it began.
func (c *conn) seen(h http2.FrameHeader) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.Type == http2.FrameHeaders && h.StreamID%2 == 1 {
		c.last = max(c.last, h.StreamID)
	}
}

// reset ends a call, whether there is one or not, and tells the client.
func (c *conn) reset(id uint32, code http2.ErrCode) {
	tell := func(f *http2.Framer) { _ = f.WriteRSTStream(id, code) }
	if call, _ := c.find(id); call != nil && c.out.end(call, tell) {
		call.leave(status.Error(codes.Internal, "the call was reset: "+code.String()))
		return
	}
	c.abandon(id)
	c.out.queue(tell)
}

// resetByClient ends a call that the client does not want any more, section 6.4.
func (c *conn) resetByClient(f *http2.RSTStreamFrame) error {
	call, known := c.find(f.StreamID)
	switch {
	case !known:
		return http2.ConnectionError(http2.ErrCodeProtocol)
	case call != nil:
		c.out.end(call, nil)
		call.inbox.end(status.Error(codes.Canceled, "the client cancelled the call"))
		call.leave(errEnded)
	}
	return nil
}

// leave lets the connection forget the call, and its handler know.
func (c *call) leave(why error) {
	if c.inbox.end(why) {
		c.conn.abandon(c.id)
	}
	c.cancel()
	c.conn.forget(c)
}

// mostAbandoned is how many calls are remembered; of others the client hears
// once more that they are closed.
const mostAbandoned = 256

func (c *conn) abandon(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.abandoned) >= mostAbandoned {
		c.abandoned = append(c.abandoned[:0], c.abandoned[mostAbandoned/2:]...)
	}
	c.abandoned = append(c.abandoned, id)
}

func (c *conn) isAbandoned(id uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.abandoned, id)
}

func (c *conn) forget(of *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, of.id)
	c.leaveLocked()
}

// ping answers, and counts, section 6.7.
func (c *conn) ping(f *http2.PingFrame) error {
	if f.IsAck() {
		if f.Data == drainPing {
			c.refuse()
		}
		return nil
	}
	data := f.Data
	c.out.queue(func(f *http2.Framer) { _ = f.WritePing(true, data) })
	return c.pings.count(c.server.options.Enforcement, c.out.sent.Swap(false), c.idle())
}

func (c *conn) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.calls) == 0
}
