package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// rawClient speaks HTTP/2 as no Flight client would.
type rawClient struct {
	t       *testing.T
	conn    net.Conn
	framer  *http2.Framer
	headers bytes.Buffer
	encoder *hpack.Encoder
	stream  uint32 // used last
}

// dialRaw connects. What the server sends is read and thrown away where drains
// says so; else its answers pile up.
func dialRaw(t *testing.T, srv *Server, drains bool) *rawClient {
	t.Helper()
	conn := must[net.Conn](t)(net.Dial("tcp", srv.dataListener.Addr().String()))
	t.Cleanup(func() { _ = conn.Close() })
	// A server that stops reading is a way to defend itself.
	_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	c := &rawClient{t: t, conn: conn, framer: http2.NewFramer(conn, conn)}
	c.encoder = hpack.NewEncoder(&c.headers)
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	if err := c.framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	if drains {
		go func() { _, _ = io.Copy(io.Discard, conn) }()
	}
	return c
}

// call begins a DoPut, which waits for its first message.
func (c *rawClient) call(extra ...hpack.HeaderField) error {
	c.stream += 2
	c.headers.Reset()
	for _, f := range append([]hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "http"},
		{Name: ":authority", Value: "x"},
		{Name: ":path", Value: "/arrow.flight.protocol.FlightService/DoPut"},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "te", Value: "trailers"},
	}, extra...) {
		if err := c.encoder.WriteField(f); err != nil {
			return err
		}
	}
	return c.writeHeaders(c.stream-1, c.headers.Bytes())
}

// writeHeaders splits what is larger than a frame.
func (c *rawClient) writeHeaders(stream uint32, block []byte) error {
	const frame = 16 << 10
	first := block[:min(frame, len(block))]
	block = block[len(first):]
	err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: first, EndHeaders: len(block) == 0})
	for len(block) > 0 && err == nil {
		next := block[:min(frame, len(block))]
		block = block[len(next):]
		err = c.framer.WriteContinuation(stream, len(block) == 0, next)
	}
	return err
}

// TestAbuseCostsLittle drives a server with what has brought others down. Each
// abuser may go as far as the server lets it; memory and goroutines stay flat
// and others are served meanwhile.
func TestAbuseCostsLittle(t *testing.T) {
	const times = 20_000
	cases := map[string]struct {
		reason string
		drains bool
		abuse  func(*rawClient) error
	}{
		"RapidReset": {"a stream that is reset at once was work all the same", true, func(c *rawClient) error {
			if err := c.call(); err != nil {
				return err
			}
			return c.framer.WriteRSTStream(c.stream-1, http2.ErrCodeCancel)
		}},
		"RapidResetUnread": {"answers that nobody reads are not kept without end", false, func(c *rawClient) error {
			if err := c.call(); err != nil {
				return err
			}
			return c.framer.WriteRSTStream(c.stream-1, http2.ErrCodeCancel)
		}},
		"PingFlood":       {"every ping wants an answer", true, func(c *rawClient) error { return c.framer.WritePing(false, [8]byte{1}) }},
		"PingFloodUnread": {"the same, unread", false, func(c *rawClient) error { return c.framer.WritePing(false, [8]byte{1}) }},
		"SettingsFlood":   {"so does every change of settings", false, func(c *rawClient) error { return c.framer.WriteSettings() }},
		"OpenStreams":     {"streams beyond the limit are refused", true, func(c *rawClient) error { return c.call() }},
		"HeaderBomb": {"a reference of a byte stands for 3 KiB", true, func(c *rawClient) error {
			return c.call(repeatedHeader()...)
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := testSettings(t)
			s.Limits.CallsPerConnection = 100
			srv, _ := start(t, s)
			client := connect(t, srv.URI(), nil, "")
			must[[]string](t)(list(t.Context(), client, ""))
			before := heap()
			abuser := dialRaw(t, srv, tc.drains)
			for i := range times {
				if err := tc.abuse(abuser); err != nil {
					break // the server has had enough
				}
				if i%(times/10) == 0 {
					must[[]string](t)(list(t.Context(), client, ""))
				}
			}
			must[[]string](t)(list(t.Context(), client, ""))
			if grown := heap() - before; grown > 32<<20 {
				t.Errorf("the heap has grown by %d MiB: %s", grown>>20, tc.reason)
			}
			if n := runtime.NumGoroutine(); n > 1000 {
				t.Errorf("%d goroutines: %s", n, tc.reason)
			}
		})
	}
}

// repeatedHeader is more than a call may bring. The encoder sends the first and
// references to it.
func repeatedHeader() []hpack.HeaderField {
	return slices.Repeat([]hpack.HeaderField{{Name: "x", Value: strings.Repeat("x", 3<<10)}}, 64)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestHeadersBeyondTheLimit refuses what a call has no use for, and serves the
// next call of the same connection.
func TestHeadersBeyondTheLimit(t *testing.T) {
	srv, _ := startLimited(t, func(*settings.Limits) {})
	c := dialRaw(t, srv, false)
	if err := c.call(repeatedHeader()...); err != nil {
		t.Fatal(err)
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		frame, err := c.framer.ReadFrame()
		if errors.Is(err, io.EOF) {
			return // closed is refused as well
		}
		if err != nil {
			t.Fatal(err)
		}
		if reset, ok := frame.(*http2.RSTStreamFrame); ok {
			if reset.StreamID != 1 {
				t.Errorf("stream %d was reset", reset.StreamID)
			}
			return
		}
	}
}
