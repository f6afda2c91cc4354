package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// FuzzConnection has a client say anything: bytes as they come, or as a script of
// frames, so that calls are open. The server neither breaks nor hangs, and all
// that it began is over when the client is gone.
func FuzzConnection(f *testing.F) {
	f.Add([]byte{}, false)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), false)
	raw := append([]byte{0, 0, 0, byte(http2.FrameHeaders), byte(http2.FlagHeadersEndHeaders), 0, 0, 0, 1}, fuzzedHeader...)
	raw[2] = byte(len(fuzzedHeader))
	f.Add(raw, false)
	f.Add(append(raw, 0, 0, 6, byte(http2.FrameData), 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 'x'), false)
	for _, script := range []string{
		"\x00\x01\x00\x01\x01\x28\x03\x01\x00", // a call
		"\x06\x00\x00\x00\x01\x00\x01\x01\xff\x05\x01\x10\x05\x01\x20\x06\x00\xff\x05\x01\xff\x03\x01\x00", // windows
		"\x00\x01\x01\x00\x03\x02\x00\x05\x03\x04\x01\x08\x00\x07\x00\x00\x09\x00\x04\x03\x03\x05\x00\x00", // resets
		"\x0a\x01\x05\x02\x01\x40\x02\x01\x30\x08\x00\x00\x0b\x01\x07",                                     // pieces
		"\x07\x01\x00\x00\x01\x00\x01\x01\x10\x07\x03\x40\x0c\x00\x05abcde",                                // settings
	} {
		f.Add([]byte(script), true)
	}
	f.Fuzz(func(t *testing.T, said []byte, script bool) {
		if script {
			said = frames(said)
		}
		client, server := net.Pipe()
		if err := client.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		s := newTestServer(Options{MaxMessageBytes: 1 << 16, MaxHeaderListBytes: 4 << 10, MaxCalls: 4})
		s.RegisterService(&fuzzed, nil)
		var running sync.WaitGroup
		running.Go(func() { _ = s.Serve(&oneConnection{conn: server, closed: make(chan struct{})}) })
		running.Go(func() { _, _ = io.Copy(io.Discard, client) })
		greeting := append([]byte(http2.ClientPreface), 0, 0, 0, byte(http2.FrameSettings), 0, 0, 0, 0, 0)
		if _, err := client.Write(append(greeting, said...)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the server does not read any more")
		}
		client.Close()
		within(t, s.GracefulStop)
		running.Wait()
	})
}

// oneConnection is a listener.
type oneConnection struct {
	conn   net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *oneConnection) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConnection) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *oneConnection) Addr() net.Addr { return &net.UnixAddr{} }

// within fails the test where something does not end.
func within(t *testing.T, what func()) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		what()
	}()
	select {
	case <-ended:
	case <-time.After(patience):
		panic("it hangs") // which shows where
	}
}

// fuzzed is a service that does with a stream all that there is.
var fuzzed = grpc.ServiceDesc{ServiceName: "Fuzzed", Streams: []grpc.StreamDesc{{
	StreamName: "Stream", ClientStreams: true, ServerStreams: true,
	Handler: func(_ any, stream grpc.ServerStream) error {
		for {
			request := &testgrpc.SimpleRequest{}
			if err := stream.RecvMsg(request); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			size := min(max(request.GetResponseSize(), 0), 1<<20)
			if err := stream.SendMsg(&testgrpc.SimpleResponse{Payload: &testgrpc.Payload{Body: make([]byte, size)}}); err != nil {
				return err
			}
		}
	},
}}}

// fuzzedHeader calls it, and leaves HPACK's table as it is: blocks may come in
// any order.
var fuzzedHeader = append(append([]byte{
	0x80 | 3, 0x80 | 6, // POST, http
	0x04, 14,
}, "/Fuzzed/Stream"...), append([]byte{
	0x01, 4, 't', 'e', 's', 't',
}, contentTypeField...)...)

// frames makes frames of a script: of three bytes each, what, of which call, and
// how much.
func frames(script []byte) []byte {
	var out bytes.Buffer
	f := http2.NewFramer(&out, nil)
	f.AllowIllegalWrites = true
	for len(script) >= 3 {
		what, id, n := script[0], uint32(script[1]), int(script[2])
		script = script[3:]
		if int(what)%(len(steps)+1) == len(steps) { // what follows, as it is
			n = min(n, len(script))
			out.Write(script[:n])
			script = script[n:]
			continue
		}
		_ = steps[int(what)%(len(steps)+1)](f, id, n) // to memory
	}
	return out.Bytes()
}

// steps of a script.
var steps = []func(f *http2.Framer, id uint32, n int) error{
	func(f *http2.Framer, id uint32, n int) error {
		return f.WriteHeaders(http2.HeadersFrameParam{
			StreamID: id, BlockFragment: fuzzedHeader, EndHeaders: true, EndStream: n&1 != 0, PadLength: uint8(n >> 1),
		})
	},
	func(f *http2.Framer, id uint32, n int) error { return f.WriteData(id, false, asks(n<<8)) },
	func(f *http2.Framer, id uint32, n int) error {
		return f.WriteDataPadded(id, n&1 != 0, asks(n)[:n%8], make([]byte, n))
	},
	func(f *http2.Framer, id uint32, n int) error { return f.WriteData(id, n&1 == 0, make([]byte, n<<8)) },
	func(f *http2.Framer, id uint32, n int) error { return f.WriteRSTStream(id, http2.ErrCode(n)) },
	func(f *http2.Framer, id uint32, n int) error { return f.WriteWindowUpdate(id, uint32(1)<<(n%32)) },
	func(f *http2.Framer, _ uint32, n int) error {
		return f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(n)})
	},
	func(f *http2.Framer, id uint32, n int) error {
		return f.WriteSettings(http2.Setting{ID: http2.SettingID(id), Val: uint32(1) << (n % 32)})
	},
	func(f *http2.Framer, _ uint32, n int) error { return f.WritePing(n&1 != 0, drainPing) },
	func(f *http2.Framer, id uint32, n int) error { return f.WriteGoAway(id, http2.ErrCode(n), nil) },
	func(f *http2.Framer, id uint32, n int) error {
		n = min(n, len(fuzzedHeader))
		return errors.Join(
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: fuzzedHeader[:n]}),
			f.WriteContinuation(id, true, fuzzedHeader[n:]))
	},
	func(f *http2.Framer, id uint32, n int) error {
		return f.WritePriority(id, http2.PriorityParam{StreamDep: uint32(n)})
	},
}
