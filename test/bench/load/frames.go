package load

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"
)

const (
	frameHeader = 9 // bytes: RFC 9113, section 4.1
	grpcPrefix  = 5 // bytes before a message
	// window and maxFrame are what gRPC's C++ clients announce.
	window   = 4 << 20
	maxFrame = 4 << 20
)

// Frames reads what Flight servers send and looks at nothing but the headers of
// frames, so that it costs hardly more than reading a socket does.
type Frames struct {
	target Target

	mu   sync.Mutex
	open map[int]*frameConn // by stream
}

// NewFrames makes the client of a server.
func NewFrames(to Target) *Frames { return &Frames{target: to, open: map[int]*frameConn{}} }

// Get receives a dataset.
func (c *Frames) Get(ctx context.Context, stream int, dataset string) (Transfer, error) {
	conn, err := c.connection(ctx, stream)
	if err != nil {
		return Transfer{}, err
	}
	ticket, err := proto.Marshal(&flight.Ticket{Ticket: []byte(dataset)})
	if err != nil {
		return Transfer{}, err
	}
	n, err := conn.call(methodGet, ticket)
	return Transfer{Bytes: n}, err
}

func (c *Frames) connection(ctx context.Context, stream int) (*frameConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn := c.open[stream]; conn != nil {
		return conn, nil
	}
	conn, err := dialFrames(ctx, c.target)
	if err == nil {
		c.open[stream] = conn
	}
	return conn, err
}

// Close ends all connections.
func (c *Frames) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, conn := range c.open {
		errs = append(errs, conn.Close())
	}
	clear(c.open)
	return errors.Join(errs...)
}

// frameConn is a connection of HTTP/2 that has one call at a time.
type frameConn struct {
	net.Conn
	address string
	scheme  string
	in      *bufio.Reader
	frames  *http2.Framer // of all but DATA
	last    uint32        // stream
	unsaid  uint32        // bytes that were received since the last WINDOW_UPDATE
}

func dialFrames(ctx context.Context, to Target) (*frameConn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", to.Address)
	if err != nil {
		return nil, err
	}
	c := &frameConn{Conn: conn, address: to.Address, scheme: "http"}
	if to.TLS != nil {
		config := to.TLS.Clone()
		config.NextProtos = []string{http2.NextProtoTLS}
		config.ServerName, _, _ = net.SplitHostPort(to.Address)
		c.Conn, c.scheme = tls.Client(conn, config), "https"
	}
	c.in = bufio.NewReaderSize(c.Conn, readBuffer)
	c.frames = http2.NewFramer(c.Conn, c.in)
	c.frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := c.greet(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

func (c *frameConn) greet() error {
	_, err := io.WriteString(c, http2.ClientPreface)
	return errors.Join(err,
		c.frames.WriteSettings(
			http2.Setting{ID: http2.SettingEnablePush, Val: 0},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: window},
			http2.Setting{ID: http2.SettingMaxFrameSize, Val: maxFrame},
		),
		c.frames.WriteWindowUpdate(0, window-1<<16+1),
	)
}

// call makes a call and counts the bytes of the answer.
func (c *frameConn) call(method string, message []byte) (total int64, err error) {
	c.last = c.last + 1 | 1
	if err := c.ask(method, message); err != nil {
		return 0, err
	}
	for done := false; !done && err == nil; {
		var n int
		n, done, err = c.frame()
		total += int64(n)
	}
	return total, err
}

// frame passes over a frame. It gives the bytes of data in it, and tells whether
// the call has ended.
func (c *frameConn) frame() (n int, done bool, err error) {
	header, err := c.in.Peek(frameHeader)
	if err != nil {
		return 0, false, err
	}
	if http2.FrameType(header[3]) != http2.FrameData {
		done, err := c.other()
		return 0, done, err
	}
	n = int(header[0])<<16 | int(header[1])<<8 | int(header[2])
	if _, err := c.in.Discard(frameHeader + n); err != nil {
		return 0, false, err
	}
	return n, false, c.received(uint32(n))
}

func (c *frameConn) ask(method string, message []byte) error {
	var block bytes.Buffer
	fields := hpack.NewEncoder(&block)
	fields.SetMaxDynamicTableSize(0) // as if each call were the first
	for _, f := range [][2]string{
		{":method", "POST"},
		{":scheme", c.scheme},
		{":path", method},
		{":authority", c.address},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
	} {
		if err := fields.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			return err
		}
	}
	headers := http2.HeadersFrameParam{StreamID: c.last, BlockFragment: block.Bytes(), EndHeaders: true}
	prefixed := append(make([]byte, grpcPrefix), message...)
	binary.BigEndian.PutUint32(prefixed[1:], uint32(len(message)))
	return errors.Join(c.frames.WriteHeaders(headers), c.frames.WriteData(c.last, true, prefixed))
}

// received lets the server send more, once a quarter of the window is used up.
func (c *frameConn) received(n uint32) error {
	if c.unsaid += n; c.unsaid < window/4 {
		return nil
	}
	err := errors.Join(c.frames.WriteWindowUpdate(0, c.unsaid), c.frames.WriteWindowUpdate(c.last, c.unsaid))
	c.unsaid = 0
	return err
}

// other reads a frame that has no data. It tells whether the call has ended.
func (c *frameConn) other() (done bool, err error) {
	frame, err := c.frames.ReadFrame()
	if err != nil {
		return false, err
	}
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return false, c.frames.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return false, c.frames.WritePing(true, f.Data)
		}
	case *http2.MetaHeadersFrame:
		if f.StreamEnded() {
			return true, status(f)
		}
	case *http2.RSTStreamFrame, *http2.GoAwayFrame:
		return false, fmt.Errorf("the server ended the call: %v", f)
	}
	return false, nil
}

// status is what the trailers say of a call.
func status(trailers *http2.MetaHeadersFrame) error {
	fields := map[string]string{}
	for _, f := range trailers.Fields {
		fields[f.Name] = f.Value
	}
	if code := fields["grpc-status"]; code != "0" {
		return fmt.Errorf("gRPC status %q: %s", code, fields["grpc-message"])
	}
	return nil
}
