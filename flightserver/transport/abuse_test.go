package transport

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/keepalive"
)

// waiting is a service whose calls wait until they are given up, and are counted.
type waiting struct {
	running atomic.Int64
	mu      sync.Mutex
	most    int64 // at one time
}

func (w *waiting) register(s *Server) {
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "Waiting", Streams: []grpc.StreamDesc{{
		StreamName: "Wait", ClientStreams: true, ServerStreams: true,
		Handler: func(_ any, stream grpc.ServerStream) error {
			n := w.running.Add(1)
			defer w.running.Add(-1)
			w.note(n)
			<-stream.Context().Done()
			return stream.Context().Err()
		},
	}}}, nil)
}

func (w *waiting) note(running int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.most = max(w.most, running)
}

var waits = header{":path": "/Waiting/Wait"}

// serveWaiting has a server of both services.
func serveWaiting(t *testing.T, o Options) (s *Server, w *waiting, address string) {
	t.Helper()
	s, w = newTestServer(o), &waiting{}
	w.register(s)
	testgrpc.RegisterTestServiceServer(s, interop.NewTestServer())
	return s, w, serveOn(t, s, listen(t))
}

// until waits for what must come.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never seen: %s", what)
		}
	}
}

// onlyConn gives the connection of a server.
func onlyConn(t *testing.T, s *Server) (only *conn) {
	t.Helper()
	until(t, "a connection", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.connections {
			only = c
		}
		return only != nil
	})
	return only
}

// untilAlone waits until no more connections are left, with their handlers.
func untilAlone(t *testing.T, s *Server, connections int) {
	t.Helper()
	until(t, "the end of connections", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.connections) == connections
	})
}

// heap gives what is reachable.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// mostGrown is what a client may cost that asks for nothing it should have.
const mostGrown = 8 << 20

// TestRapidReset begins calls and gives them up, faster than they end.
func TestRapidReset(t *testing.T) {
	const calls, most = 100_000, 10
	s, w, address := serveWaiting(t, Options{MaxCalls: most})
	other := testgrpc.NewTestServiceClient(dial(t, address))
	c := dialRaw(t, address)
	before := heap()
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(io.Discard, c.Conn) })
	out := bufio.NewWriterSize(c.Conn, 1<<16)
	frames := http2.NewFramer(out, nil)
	for i := range uint32(calls) {
		c.do(frames.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: c.encode(waits), EndHeaders: true}))
		c.do(frames.WriteRSTStream(2*i+1, http2.ErrCodeCancel))
		if i%(calls/10) == 0 {
			if _, err := other.EmptyCall(t.Context(), &testgrpc.Empty{}); err != nil {
				t.Errorf("another client: %v", err)
			}
		}
	}
	c.do(out.Flush())
	c.do(c.Conn.(*net.TCPConn).CloseWrite())
	reading.Wait() // the server has read all, and left
	untilAlone(t, s, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.most > most {
		t.Errorf("%d handlers ran at once, of %d", w.most, most)
	}
	if grown := heap() - before; grown > mostGrown {
		t.Errorf("%d bytes stay", grown)
	}
}

// TestTooManyPings are answered with GOAWAY, as gRPC's clients know it.
func TestTooManyPings(t *testing.T) {
	for name, e := range map[string]keepalive.EnforcementPolicy{
		"often": {MinTime: time.Hour, PermitWithoutStream: true},
		"idle":  {MinTime: time.Nanosecond},
	} {
		t.Run(name, func(t *testing.T) {
			_, address := serve(t, Options{Enforcement: e})
			c := dialRaw(t, address)
			for range mostStrikes + 2 {
				c.do(c.WritePing(false, [8]byte{}))
			}
			if got := c.answer(1); got != "GOAWAY ENHANCE_YOUR_CALM too_many_pings" {
				t.Error(got)
			}
		})
	}
}

// TestFloodByOneWhoDoesNotRead sends what asks for answers. When there is no room
// for more of them, the server reads no more.
func TestFloodByOneWhoDoesNotRead(t *testing.T) {
	for name, write := range map[string]func(f *http2.Framer, id uint32) error{
		"pings":    func(f *http2.Framer, _ uint32) error { return f.WritePing(false, [8]byte{}) },
		"settings": func(f *http2.Framer, _ uint32) error { return f.WriteSettings() },
		"no calls": func(f *http2.Framer, id uint32) error {
			return f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{methodPost}, EndHeaders: true})
		},
		"refused calls": func(f *http2.Framer, id uint32) error {
			return f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: fuzzedHeader[:len(fuzzedHeader)-len(contentTypeField)], EndHeaders: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := net.Pipe()
			s := newTestServer(Options{Enforcement: keepalive.EnforcementPolicy{PermitWithoutStream: true}})
			serveOn(t, s, &oneConnection{conn: server, closed: make(chan struct{})})
			var flooding sync.WaitGroup
			flooding.Go(func() {
				f := http2.NewFramer(client, nil)
				_, err := io.WriteString(client, http2.ClientPreface)
				err = errors.Join(err, f.WriteSettings())
				for id := uint32(1); err == nil; id += 2 {
					err = write(f, id)
				}
			})
			o := onlyConn(t, s).out
			pending := func() int {
				o.mu.Lock()
				defer o.mu.Unlock()
				return len(o.pending)
			}
			until(t, "a flood", func() bool { return pending() > mostPending })
			for range 1000 {
				runtime.Gosched()
				if n := pending(); n > mostPending+1<<10 {
					t.Fatalf("%d bytes wait to be written", n)
				}
			}
			client.Close()
			flooding.Wait()
		})
	}
}

// TestHeaderBombs are small, and become large.
func TestHeaderBombs(t *testing.T) {
	_, address := serve(t, Options{MaxHeaderListBytes: 16 << 10})
	before := heap()
	index := func(c *rawClient) []byte { // a field of the table, again and again
		block := c.encode(nil, hpack.HeaderField{Name: "zzz", Value: strings.Repeat("x", 3<<10)})
		return append(block, strings.Repeat("\xbe", 32<<10)...)
	}
	for name, send := range map[string]func(*rawClient){
		"fields of the table": func(c *rawClient) {
			c.do(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: index(c), EndHeaders: true}))
		},
		"continued for ever": func(c *rawClient) {
			c.do(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.encode(nil)}))
			for err := error(nil); err == nil; {
				err = c.WriteContinuation(1, false, index(c)[:leastFrame])
			}
		},
		"a text that never ends": func(c *rawClient) {
			c.do(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x00, 0x7f, 0xff, 0xff, 0xff, 0x07}}))
			for err := error(nil); err == nil; {
				err = c.WriteContinuation(1, false, make([]byte, leastFrame))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := dialRaw(t, address)
			answered := make(chan string)
			go func() { answered <- c.answer(1) }()
			send(c)
			if got := <-answered; got == "" || strings.Contains(got, "status") {
				t.Errorf("%q", got)
			}
		})
	}
	if grown := heap() - before; grown > mostGrown {
		t.Errorf("%d bytes stay", grown)
	}
}

// TestEmptyFrames cost nothing but the time to read them.
func TestEmptyFrames(t *testing.T) {
	_, address := serve(t, Options{})
	c := dialRaw(t, address)
	before := heap()
	c.begin(1, nil)
	for range 20_000 {
		c.do(c.WriteData(1, false, nil))
	}
	c.do(c.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: c.encode(nil)}))
	for range 20_000 {
		c.do(c.WriteContinuation(3, false, nil))
	}
	c.do(c.WriteContinuation(3, true, nil))
	c.do(c.WriteData(1, true, asks(10)))
	if got := c.answer(1); got != "200 status 0, 19 bytes" {
		t.Error(got)
	}
	if grown := heap() - before; grown > mostGrown {
		t.Errorf("%d bytes stay", grown)
	}
}

// TestBytesOfTheirOwn fill a window that nobody empties, a byte in each frame.
func TestBytesOfTheirOwn(t *testing.T) {
	s, _, address := serveWaiting(t, Options{})
	c := dialRaw(t, address)
	c.begin(1, waits)
	out := bufio.NewWriterSize(c.Conn, 1<<16)
	frames := http2.NewFramer(out, nil)
	for range firstWindow {
		c.do(frames.WriteData(1, false, []byte{0}))
	}
	c.do(out.Flush())
	box := &onlyConn(t, s).find1(t).inbox
	until(t, "the whole window", func() bool {
		box.mu.Lock()
		defer box.mu.Unlock()
		return box.size == firstWindow
	})
	box.mu.Lock()
	defer box.mu.Unlock()
	room := 0
	for _, b := range box.buffers {
		room += cap(b.ReadOnlyData())
	}
	if room > 2*firstWindow || len(box.buffers) > 2*firstWindow/copiedBytes {
		t.Errorf("%d bytes in %d buffers for %d", room, len(box.buffers), firstWindow)
	}
}

// find1 gives the first call of a connection, once it has come.
func (c *conn) find1(t *testing.T) (first *call) {
	t.Helper()
	until(t, "a call", func() bool {
		first, _ = c.find(1)
		return first != nil
	})
	return first
}

// TestNoHTTP2 is what comes from those who speak something else, or nothing.
func TestNoHTTP2(t *testing.T) {
	for name, said := range map[string]string{
		"HTTP/1":               "GET / HTTP/1.1\r\nHost: test\r\n\r\n",
		"noise":                strings.Repeat("\xff", 100),
		"nothing":              "",
		"half a preface":       http2.ClientPreface[:10],
		"no settings":          http2.ClientPreface,
		"something before":     http2.ClientPreface + "\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678",
		"an acknowledgement":   http2.ClientPreface + "\x00\x00\x00\x04\x01\x00\x00\x00\x00",
		"settings of no sense": http2.ClientPreface + "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00",
		"endless settings":     http2.ClientPreface + "\x0f\xff\xff\x04\x00\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			for security, by := range securities(t) {
				s, address := serve(t, Options{Credentials: by.server, HandshakeTimeout: 50 * time.Millisecond})
				c := dialSilent(t, address)
				c.text(said)
				if _, err := io.Copy(io.Discard, c.Conn); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s: the server still waits", security)
				}
				untilAlone(t, s, 0)
			}
		})
	}
}

// TestHalfClosed is a client that says no more, ever: gRPC's calls are over then.
func TestHalfClosed(t *testing.T) {
	_, w, address := serveWaiting(t, Options{})
	c := dialRaw(t, address)
	c.begin(1, waits)
	until(t, "the call", func() bool { return w.running.Load() == 1 })
	c.do(c.Conn.(*net.TCPConn).CloseWrite())
	if got := c.answer(1); got != "closed" {
		t.Error(got)
	}
	until(t, "the end of the call", func() bool { return w.running.Load() == 0 })
}
