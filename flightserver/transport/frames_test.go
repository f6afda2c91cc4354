package transport

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// Of the servers that answer raw frames.
const (
	rawMessageBytes = 1 << 20
	rawHeaderBytes  = 16 << 10
	rawCalls        = 3
)

// TestRawFrames holds the server to the answers of RFC 9113 and gRPC, and to those
// of grpc-go's server.
func TestRawFrames(t *testing.T) {
	_, ours := serve(t, Options{MaxMessageBytes: rawMessageBytes, MaxHeaderListBytes: rawHeaderBytes, MaxCalls: rawCalls})
	reference := serveReference(t)
	const ok = "200 status 0, "
	cases := map[string]struct {
		send   func(c *rawClient)
		id     uint32 // of the call that is looked at; 0: 1
		want   string
		reason string // why grpc-go's server answers something else
		grpcGo string // which is this; empty: it may be nothing at all
	}{
		"a call": {send: func(c *rawClient) { c.unary(1, 10) }, want: ok + "19 bytes"},

		// What a request says of itself, gRPC's proposal A41 and RFC 9113, section 8.
		"another content type":         {send: with(header{"content-type": "text/plain"}), want: "415 status 3, 0 bytes"},
		"no content type":              {send: with(header{"content-type": ""}), want: "415 status 3, 0 bytes"},
		"a longer content type":        {send: with(header{"content-type": "application/grpcs"}), want: "415 status 3, 0 bytes"},
		"a content type with a format": {send: with(header{"content-type": "application/grpc+proto"}), want: ok + "19 bytes"},
		"GET":                          {send: with(header{":method": "GET"}), want: "405 status 13, 0 bytes"},
		"no te":                        {send: with(header{"te": ""}), want: ok + "19 bytes"},
		"another te":                   {send: with(header{"te": "gzip"}), want: "RST_STREAM PROTOCOL_ERROR", grpcGo: ok + "19 bytes", reason: "RFC 9113, section 8.2.2"},
		"connection":                   {send: with(header{"connection": "close"}), want: "RST_STREAM PROTOCOL_ERROR"},
		"upgrade":                      {send: with(header{"upgrade": "h2c"}), want: "RST_STREAM PROTOCOL_ERROR", grpcGo: ok + "19 bytes", reason: "RFC 9113, section 8.2.2"},
		"no path":                      {send: with(header{":path": ""}), want: "RST_STREAM PROTOCOL_ERROR", grpcGo: "200 status 12, 0 bytes", reason: "RFC 9113, section 8.3.1"},
		"a path without a method":      {send: with(header{":path": "/nothing"}), want: "200 status 12, 0 bytes"},
		"a path without a slash":       {send: with(header{":path": "nothing"}), want: "200 status 12, 0 bytes"},
		"an unknown service":           {send: with(header{":path": "/nothing/UnaryCall"}), want: "200 status 12, 0 bytes"},
		"an unknown method":            {send: with(header{":path": "/grpc.testing.TestService/Nothing"}), want: "200 status 12, 0 bytes"},
		"no authority":                 {send: with(header{":authority": ""}), want: "400 status 13, 0 bytes"},
		"host for authority":           {send: with(header{":authority": "", "host": "test"}), want: ok + "19 bytes"},
		"host beside authority":        {send: with(header{"host": "test"}), want: ok + "19 bytes"},
		"two hosts":                    {send: with(nil, hpack.HeaderField{Name: "host", Value: "a"}, hpack.HeaderField{Name: "host", Value: "b"}), want: "400 status 13, 0 bytes"},
		"a name in capitals":           {send: with(header{"Name": "value"}), want: "RST_STREAM PROTOCOL_ERROR"},
		"a line break in a value":      {send: with(header{"name": "a\nb"}), want: "RST_STREAM PROTOCOL_ERROR"},
		"the length":                   {send: with(header{"content-length": "7"}), want: ok + "19 bytes"},
		"another length":               {send: with(header{"content-length": "8"}), want: "RST_STREAM PROTOCOL_ERROR", grpcGo: ok + "19 bytes", reason: "RFC 9113, section 8.1.1"},
		"no number for a length":       {send: with(header{"content-length": "-1"}), want: "RST_STREAM PROTOCOL_ERROR", grpcGo: ok + "19 bytes", reason: "RFC 9113, section 8.1.1"},
		"a timeout":                    {send: with(header{"grpc-timeout": "99999999S"}), want: ok + "19 bytes"},
		"the longest timeout":          {send: with(header{"grpc-timeout": "99999999H"}), want: ok + "19 bytes"},
		"a timeout that is over":       {send: with(header{"grpc-timeout": "0S"}), want: "200 status 4, 0 bytes"},
		"a timeout without a number":   {send: with(header{"grpc-timeout": "S"}), want: "400 status 13, 0 bytes"},
		"a timeout without a unit":     {send: with(header{"grpc-timeout": "10"}), want: "400 status 13, 0 bytes"},
		"a timeout with a sign":        {send: with(header{"grpc-timeout": "-1S"}), want: "400 status 13, 0 bytes"},
		"a timeout with nine digits":   {send: with(header{"grpc-timeout": "123456789S"}), want: "400 status 13, 0 bytes"},
		"bytes":                        {send: with(header{"name-bin": "AAE"}), want: ok + "19 bytes"},
		"bytes with padding":           {send: with(header{"name-bin": "AAE="}), want: ok + "19 bytes"},
		"bytes that are none":          {send: with(header{"name-bin": "?"}), want: "400 status 13, 0 bytes"},

		// Messages.
		"a message that is too large":  {send: sends(message(0, make([]byte, rawMessageBytes+1))[:prefixBytes]), want: "200 status 8, 0 bytes"},
		"a message that is none":       {send: sends(message(0, []byte{0xff})), want: "200 status 13, 0 bytes"},
		"no message":                   {send: sends(nil), want: "200 status 13, 0 bytes"},
		"half a prefix":                {send: sends([]byte{0, 0}), want: "200 status 13, 0 bytes"},
		"half a message":               {send: sends(asks(10)[:6]), want: "200 status 13, 0 bytes"},
		"two messages for one":         {send: sends(append(asks(10), asks(10)...)), want: "200 status 13, 0 bytes"},
		"a compressed message":         {send: encoded("gzip", message(1, gzipped(asks(10)[prefixBytes:]))), want: ok + "19 bytes", reason: "it compresses its answer as well"},
		"a message in between":         {send: encoded("gzip", asks(10)), want: ok + "19 bytes", reason: "it compresses its answer as well"},
		"compressed, and not said how": {send: encoded("", message(1, []byte("x"))), want: "200 status 13, 0 bytes"},
		"compressed with identity":     {send: encoded("identity", message(1, []byte("x"))), want: "200 status 13, 0 bytes"},
		"compressed otherwise":         {send: encoded("none", message(1, []byte("x"))), want: "200 status 12, 0 bytes"},
		"compressed, and broken":       {send: encoded("gzip", message(1, []byte("x"))), want: "200 status 13, 0 bytes"},
		"compressed, and cut":          {send: encoded("gzip", message(1, gzipped(asks(10))[:20])), want: "200 status 13, 0 bytes"},
		"compressed, and too large":    {send: encoded("gzip", message(1, gzipped(make([]byte, rawMessageBytes+1)))), want: "200 status 8, 0 bytes"},

		// Frames of a call.
		"padding": {send: func(c *rawClient) {
			c.do(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.encode(nil), EndHeaders: true, PadLength: 255}))
			for _, b := range asks(10) {
				c.do(c.WriteDataPadded(1, false, []byte{b}, make([]byte, 255)))
			}
			c.do(c.WriteDataPadded(1, true, nil, make([]byte, 7)))
		}, want: ok + "19 bytes"},
		"padding that is longer than its frame": {send: func(c *rawClient) {
			c.begin(1, nil)
			c.do(c.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, 1, []byte{5, 0, 0}))
		}, want: "GOAWAY PROTOCOL_ERROR", grpcGo: "closed", reason: "it closes without a word"},
		"padding without its length": {send: func(c *rawClient) {
			c.begin(1, nil)
			c.do(c.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, 1, nil))
		}, want: "GOAWAY FRAME_SIZE_ERROR", grpcGo: "closed", reason: "it closes without a word"},
		"empty frames": {send: func(c *rawClient) {
			c.begin(1, nil)
			for _, b := range asks(10) {
				c.do(c.WriteData(1, false, nil))
				c.do(c.WriteData(1, false, []byte{b}))
			}
			c.do(c.WriteData(1, true, nil))
		}, want: ok + "19 bytes"},
		"a frame of 2^14 bytes": {send: func(c *rawClient) {
			c.begin(1, nil)
			c.do(c.WriteData(1, true, message(0, append([]byte{0x22, 0xf3, 0x7f}, make([]byte, 1<<14-prefixBytes-3)...))))
		}, want: "200 status 13, 0 bytes"},
		"a frame that is too large": {send: func(c *rawClient) {
			c.begin(1, nil)
			c.do(c.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, maxFrameBytes+1)))
		}, want: "GOAWAY FRAME_SIZE_ERROR", grpcGo: "closed", reason: "it closes without a word"},
		"a header in a frame that is too large": {send: func(c *rawClient) {
			c.do(c.WriteRawFrame(http2.FrameHeaders, 0, 1, make([]byte, maxFrameBytes+1)))
		}, want: "GOAWAY FRAME_SIZE_ERROR", grpcGo: "closed", reason: "it closes without a word"},
		"a header whose rest is too large": {send: func(c *rawClient) {
			c.do(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.encode(nil)}))
			c.do(c.WriteContinuation(1, true, make([]byte, maxControlBytes+1)))
		}, want: "GOAWAY FRAME_SIZE_ERROR", grpcGo: "closed", reason: "it closes without a word"},
		"a header in frames": {send: func(c *rawClient) {
			block := c.encode(nil)
			c.do(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:1]}))
			for _, b := range block[1:] {
				c.do(c.WriteContinuation(1, false, []byte{b}))
			}
			c.do(c.WriteContinuation(1, true, nil))
			c.do(c.WriteData(1, true, asks(10)))
		}, want: ok + "19 bytes"},
		"a frame within a header": {send: func(c *rawClient) {
			c.do(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.encode(nil)}))
			c.do(c.WritePing(false, [8]byte{}))
		}, want: "GOAWAY PROTOCOL_ERROR", grpcGo: "closed", reason: "it closes without a word"},
		"a header that is too large": {send: with(header{"name": strings.Repeat("x", rawHeaderBytes)}), want: "RST_STREAM ENHANCE_YOUR_CALM", grpcGo: "RST_STREAM FRAME_SIZE_ERROR", reason: "gRPC's clients report RESOURCE_EXHAUSTED then"},
		"a header that just fits":    {send: with(header{"name": strings.Repeat("x", rawHeaderBytes-600)}), want: ok + "19 bytes"},
		"what is no HPACK": {send: func(c *rawClient) {
			c.do(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x80}, EndHeaders: true}))
		}, want: "GOAWAY COMPRESSION_ERROR", grpcGo: "closed", reason: "it closes without a word"},

		// Calls of a connection.
		"an even call": {send: func(c *rawClient) { c.begin(2, nil) }, id: 2, want: "GOAWAY PROTOCOL_ERROR", grpcGo: "GOAWAY PROTOCOL_ERROR", reason: "a number that is wrong is all one to it"},
		"a call before the last one": {send: func(c *rawClient) {
			c.unary(5, 10)
			c.begin(3, nil)
		}, id: 3, want: "GOAWAY STREAM_CLOSED", grpcGo: "GOAWAY PROTOCOL_ERROR", reason: "a number that is wrong is all one to it"},
		"two headers of a call": {send: func(c *rawClient) {
			c.begin(1, nil)
			c.begin(1, nil)
		}, want: "RST_STREAM PROTOCOL_ERROR", grpcGo: "GOAWAY PROTOCOL_ERROR", reason: "a number that is wrong is all one to it"},
		"trailers": {send: func(c *rawClient) {
			c.begin(1, nil)
			c.do(c.WriteData(1, false, asks(10)))
			c.block.Reset()
			c.do(c.fields.WriteField(hpack.HeaderField{Name: "name", Value: "value"}))
			c.do(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.block.Bytes(), EndStream: true, EndHeaders: true}))
		}, want: ok + "19 bytes", grpcGo: "GOAWAY PROTOCOL_ERROR", reason: "it knows no trailers of clients"},
		"data of a call that ended": {send: func(c *rawClient) {
			c.do(c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
			c.unary(1, 10)
			c.do(c.WriteData(1, false, nil))
		}, want: "RST_STREAM STREAM_CLOSED", reason: "it looks only sometimes"},
		"data of a call that never was":    {send: func(c *rawClient) { c.do(c.WriteData(1, true, nil)) }, want: "GOAWAY PROTOCOL_ERROR", reason: "it does not look"},
		"a reset of a call that never was": {send: func(c *rawClient) { c.do(c.WriteRSTStream(1, http2.ErrCodeCancel)) }, want: "GOAWAY PROTOCOL_ERROR", reason: "it does not look"},
		"a call beyond the limit": {send: func(c *rawClient) {
			for id := range uint32(rawCalls) {
				c.begin(2*id+1, nil)
			}
			c.unary(2*rawCalls+1, 10)
		}, id: 2*rawCalls + 1, want: "RST_STREAM REFUSED_STREAM"},
		"a call after one was reset": {send: func(c *rawClient) {
			for id := range uint32(2 * rawCalls) {
				c.begin(2*id+1, nil)
				c.do(c.WriteRSTStream(2*id+1, http2.ErrCodeCancel))
			}
			c.unary(4*rawCalls+1, 10)
		}, id: 4*rawCalls + 1, want: ok + "19 bytes"},
		"data behind a refusal": {send: func(c *rawClient) {
			c.begin(1, header{"content-type": "text/plain"})
			c.do(c.WriteData(1, false, []byte("text")))
			c.do(c.WriteData(1, true, []byte("text")))
			c.unary(3, 10)
		}, id: 3, want: ok + "19 bytes"},
		"trailers behind a refusal": {send: func(c *rawClient) {
			c.begin(1, header{"te": "gzip"})
			c.do(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.encode(nil), EndStream: true, EndHeaders: true}))
			c.unary(3, 10)
		}, id: 3, want: ok + "19 bytes", grpcGo: "GOAWAY PROTOCOL_ERROR", reason: "it knows no trailers of clients"},

		// Windows and settings.
		"more data than the window": {send: func(c *rawClient) {
			c.begin(1, nil)
			c.do(c.WriteData(1, false, make([]byte, firstWindow+1)))
		}, want: "RST_STREAM FLOW_CONTROL_ERROR", reason: "it takes no frame of this size"},
		"a call's window that is too large": {send: func(c *rawClient) {
			c.begin(1, nil)
			c.do(c.WriteWindowUpdate(1, 1<<31-1))
		}, want: "RST_STREAM FLOW_CONTROL_ERROR", reason: "it does not look"},
		"a connection's window that is too large": {send: func(c *rawClient) { c.do(c.WriteWindowUpdate(0, 1<<31-1)) }, want: "GOAWAY FLOW_CONTROL_ERROR", reason: "it does not look"},
		"an update of nothing": {send: func(c *rawClient) {
			c.begin(1, nil)
			c.do(c.WriteWindowUpdate(1, 0))
		}, want: "RST_STREAM PROTOCOL_ERROR"},
		"a first window that is too large": {send: func(c *rawClient) {
			c.do(c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31}))
		}, want: "GOAWAY FLOW_CONTROL_ERROR", grpcGo: "closed", reason: "it closes without a word"},
		"a first window that makes another one too large": {send: func(c *rawClient) {
			c.begin(1, nil)
			c.do(c.WriteWindowUpdate(1, 1<<31-1-firstWindow))
			c.do(c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: firstWindow + 1}))
		}, want: "GOAWAY FLOW_CONTROL_ERROR", reason: "it does not look"},
		"windows of a byte": {send: func(c *rawClient) {
			c.do(c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
			c.unary(1, 10)
			for range 19 {
				c.do(c.WriteWindowUpdate(1, 1))
			}
		}, want: ok + "19 bytes"},
		"a window that becomes negative, and opens": {send: func(c *rawClient) {
			c.do(c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10}))
			c.unary(1, 100)
			c.waitForData(10)
			c.do(c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
			c.do(c.WriteWindowUpdate(1, 1<<16)) // 2^16-10 of it are left
		}, want: " status 0, 99 bytes"}, // and 10 before, behind the header
		"the smallest frames": {send: func(c *rawClient) {
			c.do(c.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: leastFrame}))
			c.unary(1, 60000)
		}, want: ok + "60013 bytes"},
		"the largest frames": {send: func(c *rawClient) {
			c.do(c.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1<<24 - 1}))
			c.unary(1, 60000)
		}, want: ok + "60013 bytes"},
		"frames that are too small": {send: func(c *rawClient) {
			c.do(c.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: leastFrame - 1}))
		}, want: "GOAWAY PROTOCOL_ERROR", reason: "it does not look"},
		"no table": {send: func(c *rawClient) {
			c.do(c.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0}))
			c.do(c.WritePing(false, [8]byte{1}))
			c.ReadMetaHeaders = hpack.NewDecoder(0, nil)
			c.unary(1, 10)
			c.waitForData(19)
			c.unary(3, 10)
		}, id: 3, want: ok + "19 bytes"},
		"an unknown setting": {send: func(c *rawClient) {
			c.do(c.WriteSettings(http2.Setting{ID: 0xff, Val: 7}))
			c.unary(1, 10)
		}, want: ok + "19 bytes"},
		"an unknown frame": {send: func(c *rawClient) {
			c.do(c.WriteRawFrame(0xff, 0xff, 1, []byte("text")))
			c.unary(1, 10)
		}, want: ok + "19 bytes"},
		"a promise": {send: func(c *rawClient) {
			c.begin(1, nil)
			c.do(c.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, BlockFragment: c.encode(nil), EndHeaders: true}))
		}, want: "GOAWAY PROTOCOL_ERROR", reason: "it does not look"},
		"a client that takes no header": {send: func(c *rawClient) {
			c.do(c.WriteSettings(http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: 10}))
			c.unary(1, 10)
		}, want: "RST_STREAM INTERNAL_ERROR"},
		"a client that says goodbye": {send: func(c *rawClient) {
			c.unary(1, 10)
			c.do(c.WriteGoAway(0, http2.ErrCodeNo, nil))
		}, want: ok + "19 bytes"},
	}
	for name, row := range cases {
		t.Run(name, func(t *testing.T) {
			if got := exchange(t, ours, row.send, row.id); got != row.want {
				t.Errorf("%q, not %q", got, row.want)
			}
			switch {
			case row.reason == "":
				row.grpcGo = row.want
			case row.grpcGo == "":
				return
			}
			if got := exchange(t, reference, row.send, row.id); got != row.grpcGo {
				t.Errorf("grpc-go's server: %q, not %q", got, row.grpcGo)
			}
		})
	}
}

// exchange gives a server's answer to what is sent on a connection of its own.
func exchange(t *testing.T, address string, send func(*rawClient), id uint32) string {
	t.Helper()
	c := dialRaw(t, address)
	defer c.Close()
	send(c)
	return c.answer(max(id, 1))
}

// with makes a call whose header is changed.
func with(change header, more ...hpack.HeaderField) func(*rawClient) {
	return func(c *rawClient) {
		c.begin(1, change, more...)
		c.do(c.WriteData(1, true, asks(10)))
	}
}

// sends makes a call with these messages.
func sends(data []byte) func(*rawClient) { return encoded("", data) }

func encoded(encoding string, data []byte) func(*rawClient) {
	return func(c *rawClient) {
		c.begin(1, header{"grpc-encoding": encoding})
		c.do(c.WriteData(1, true, data))
	}
}

func gzipped(content []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(content)
	_ = w.Close()
	return b.Bytes()
}

// serveReference has grpc-go's server with the same service and limits.
func serveReference(t *testing.T) (address string) {
	t.Helper()
	s := grpc.NewServer(grpc.MaxRecvMsgSize(rawMessageBytes), grpc.MaxHeaderListSize(rawHeaderBytes), grpc.MaxConcurrentStreams(rawCalls))
	testgrpc.RegisterTestServiceServer(s, interop.NewTestServer())
	l := listen(t)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}
