package transport

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
)

// impossible are h2spec's cases that do not hold here, with the reason.
// TestRawFrames has those of section 4.2 with other sizes.
var impossible = map[string]string{
	"http2/4.2 Sends a DATA frame with 2^14 octets in length":                             "the frame is as large as this server takes them, and larger than the first window",
	"http2/4.2 Sends a large size HEADERS frame that exceeds the SETTINGS_MAX_FRAME_SIZE": "the frame has 20 kB, which this server takes",
	"http2/5.3.1 Sends HEADERS frame that depend on itself":                               "RFC 9113, section 5.3.2, takes priorities back: they are skipped",
	"http2/5.3.1 Sends PRIORITY frame that depend on itself":                              "RFC 9113, section 5.3.2, takes priorities back: they are skipped",
}

// TestH2Spec runs h2spec, the conformance tests of HTTP/2 and HPACK.
func TestH2Spec(t *testing.T) {
	t.Parallel()
	ca := tlstest.NewCA(t)
	pair := ca.Issue(t, "server")
	certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}}
	client := ca.Client(t, nil)
	client.NextProtos, client.ServerName = config.NextProtos, "127.0.0.1"

	t.Run("Plain", func(t *testing.T) {
		t.Parallel()
		address := serveAnswers(t, Options{MaxCalls: 100, MaxHeaderListBytes: 64 << 10})
		proxy := proxyToGRPC(t, listen(t), func() (net.Conn, error) { return net.Dial("tcp", address) })
		h2spec(t, proxy)
	})
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		address := serveAnswers(t, Options{Credentials: credentials.NewTLS(config), MaxCalls: 100, MaxHeaderListBytes: 64 << 10})
		proxy := proxyToGRPC(t, tls.NewListener(listen(t), config), func() (net.Conn, error) { return tls.Dial("tcp", address, client) })
		h2spec(t, proxy, "--tls", "--insecure")
	})
}

// answers is a service that answers whatever comes, when all has come, with one
// message. What h2spec sends is no message of gRPC.
var answers = grpc.ServiceDesc{ServiceName: "Answers", Streams: []grpc.StreamDesc{{
	StreamName: "Answer", ClientStreams: true, ServerStreams: true,
	Handler: func(_ any, stream grpc.ServerStream) error {
		for err := error(nil); !errors.Is(err, io.EOF); {
			if err := stream.Context().Err(); err != nil {
				return err
			}
			err = stream.RecvMsg(&testgrpc.Empty{})
		}
		return stream.SendMsg(&testgrpc.SimpleResponse{Username: "a message of some bytes"})
	},
}}}

func serveAnswers(t *testing.T, o Options) (address string) {
	t.Helper()
	s := newTestServer(o)
	s.RegisterService(&answers, nil)
	return serveOn(t, s, listen(t))
}

func h2spec(t *testing.T, address string, options ...string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "report.xml")
	options = append(options, "--timeout", "4", "--host", host, "--port", port, "--path", "/Answers/Answer", "--junit-report", report)
	out, err := exec.CommandContext(t.Context(), tool(t, "h2spec"), options...).CombinedOutput()
	for _, c := range failedCases(t, report) {
		if impossible[c] == "" {
			t.Errorf("h2spec: %s", c)
		}
	}
	if t.Failed() {
		t.Logf("h2spec %s: %v: %s", strings.Join(options, " "), err, out)
	}
}

// tool gives the path of a tool of hack/tools.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.CommandContext(t.Context(), "../../hack/tools/bin.sh", name).Output()
	if err != nil {
		t.Fatalf("finding %s: %v", name, err)
	}
	return strings.TrimSpace(string(path))
}

// failedCases gives those of a report in JUnit's format.
func failedCases(t *testing.T, report string) (failed []string) {
	t.Helper()
	b, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var suites struct {
		Cases []struct {
			Package string  `xml:"package,attr"`
			Name    string  `xml:"classname,attr"`
			Failure *string `xml:"failure"`
			Error   *string `xml:"error"`
		} `xml:"testsuite>testcase"`
	}
	if err := xml.Unmarshal(b, &suites); err != nil || len(suites.Cases) < 140 {
		t.Fatalf("the report has %d cases: %v", len(suites.Cases), err)
	}
	for _, c := range suites.Cases {
		if c.Failure != nil || c.Error != nil {
			failed = append(failed, c.Package+" "+c.Name)
		}
	}
	return failed
}

// proxyToGRPC makes calls of gRPC of the requests of a client of HTTP/2.
func proxyToGRPC(t *testing.T, l net.Listener, dial func() (net.Conn, error)) (address string) {
	t.Helper()
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { proxy(t, client, dial) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return l.Addr().String()
}

func proxy(t *testing.T, client net.Conn, dial func() (net.Conn, error)) {
	defer client.Close()
	server, err := dial()
	if err != nil {
		t.Error(err)
		return
	}
	var answering sync.WaitGroup
	answering.Go(func() {
		_, _ = io.Copy(client, server)
		closeWrite(client)
	})
	_ = sayGRPC(server, client)
	// A client that has closed its side may still read: the server hangs up.
	closeWrite(server)
	// Closed with bytes unread, a connection is reset, which h2spec takes for an error.
	_, _ = io.Copy(io.Discard, client)
	answering.Wait()
	server.Close()
}

func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// sayGRPC copies a client's bytes, and adds gRPC's content type to the header of
// every call. Frames that are no frames go as they are.
func sayGRPC(to io.Writer, from io.Reader) error {
	preface := make([]byte, len(http2.ClientPreface))
	n, err := io.ReadFull(from, preface)
	if _, werr := to.Write(preface[:n]); err != nil || werr != nil {
		return errors.Join(err, werr)
	}
	if string(preface) != http2.ClientPreface {
		_, err := io.Copy(to, from)
		return err
	}
	opened := map[uint32]bool{}
	for {
		frame, err := readRawFrame(from)
		if err != nil {
			_, _ = to.Write(frame)
			return err
		}
		if _, err := to.Write(asCall(frame, opened)); err != nil {
			return err
		}
	}
}

// readRawFrame gives a frame, or what there is of it.
func readRawFrame(from io.Reader) ([]byte, error) {
	header := make([]byte, frameHeaderBytes)
	if n, err := io.ReadFull(from, header); err != nil {
		return header[:n], err
	}
	length := int(header[0])<<16 | int(header[1])<<8 | int(header[2])
	payload := make([]byte, length)
	n, err := io.ReadFull(from, payload)
	return append(header, payload[:n]...), err //nolint:makezero // it is full
}

// HPACK of what makes a call of gRPC, by its static table.
var (
	contentTypeField = append([]byte{0x0f, 31 - 15, byte(len(baseContentType))}, baseContentType...)
	methodGet        = byte(0x80 | 2)
	methodPost       = byte(0x80 | 3)
)

// asCall adds to the first block of a request what gRPC wants. What would change
// the sense of a frame that is wrong stays as it is.
func asCall(frame []byte, opened map[uint32]bool) []byte {
	kind, flags, id := http2.FrameType(frame[3]), http2.Flags(frame[4]), binary.BigEndian.Uint32(frame[5:])
	begin, end := frameHeaderBytes, len(frame)
	switch {
	case kind != http2.FrameHeaders && kind != http2.FrameContinuation, opened[id], end > leastFrame, end == begin:
		return frame
	case kind == http2.FrameHeaders && flags.Has(http2.FlagHeadersPadded):
		begin, end = begin+1, end-int(frame[begin])
	}
	if kind == http2.FrameHeaders && flags.Has(http2.FlagHeadersPriority) {
		begin += 5
	}
	if end <= begin {
		return frame
	}
	out := bytes.Clone(frame)
	if out[begin] == methodGet {
		out[begin] = methodPost
	}
	if flags.Has(http2.FlagHeadersEndHeaders) {
		opened[id] = true
		out = slices.Insert(out, end, contentTypeField...)
	}
	length := len(out) - frameHeaderBytes
	out[0], out[1], out[2] = byte(length>>16), byte(length>>8), byte(length)
	return out
}
