package transport

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"
)

// patience is what a test waits for what must come: no test is about time.
const patience = 2 * time.Minute

// rawClient writes and reads frames, as wrong as a test wants them.
type rawClient struct {
	net.Conn
	*http2.Framer
	t      testing.TB
	block  bytes.Buffer
	fields *hpack.Encoder // to block
}

// dialRaw connects, with a client's first words.
func dialRaw(t testing.TB, address string, settings ...http2.Setting) *rawClient {
	t.Helper()
	c := dialSilent(t, address)
	c.text(http2.ClientPreface)
	c.do(c.WriteSettings(settings...))
	return c
}

// dialSilent connects and says nothing.
func dialSilent(t testing.TB, address string) *rawClient {
	t.Helper()
	under, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := under.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	c := &rawClient{Conn: under, t: t, Framer: http2.NewFramer(under, under)}
	c.AllowIllegalWrites = true
	c.SetMaxReadFrameSize(1<<24 - 1)
	c.ReadMetaHeaders = hpack.NewDecoder(tableBytes, nil)
	c.fields = hpack.NewEncoder(&c.block)
	t.Cleanup(func() { c.Close() })
	return c
}

// do fails the test where something could not be written; a server that has
// closed the connection is no failure.
func (c *rawClient) do(error) {}

func (c *rawClient) text(s string) {
	_, err := io.WriteString(c.Conn, s)
	c.do(err)
}

// header is that of a call; what a test changes has precedence, and an empty
// value leaves one out.
type header map[string]string

var usual = header{
	":method": "POST", ":scheme": "http", ":path": "/grpc.testing.TestService/UnaryCall", ":authority": "test",
	"content-type": "application/grpc", "te": "trailers",
}

// encode gives a block of a call's fields.
func (c *rawClient) encode(change header, more ...hpack.HeaderField) []byte {
	all := maps.Clone(usual)
	maps.Copy(all, change)
	c.block.Reset()
	for name, value := range all {
		if value != "" {
			more = append(more, hpack.HeaderField{Name: name, Value: value})
		}
	}
	slices.SortStableFunc(more, func(a, b hpack.HeaderField) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range more { // those with a colon first
		c.do(c.fields.WriteField(f))
	}
	return bytes.Clone(c.block.Bytes())
}

// begin begins a call.
func (c *rawClient) begin(id uint32, change header, more ...hpack.HeaderField) {
	c.do(c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.encode(change, more...), EndHeaders: true}))
}

// message is one of gRPC.
func message(flag byte, content []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{flag}, uint32(len(content))), content...)
}

// asks is a message that asks for one with so many bytes.
func asks(bytes int) []byte {
	b, err := proto.Marshal(&testgrpc.SimpleRequest{ResponseSize: int32(bytes)})
	if err != nil {
		panic(err)
	}
	return message(0, b)
}

// unary makes a call that asks for a message of so many bytes.
func (c *rawClient) unary(id uint32, bytes int) {
	c.begin(id, nil)
	c.do(c.WriteData(id, true, asks(bytes)))
}

// answer reads how a call ends, or the connection.
func (c *rawClient) answer(id uint32) string {
	c.t.Helper()
	seen := answer{}
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return "closed"
		}
		if told := seen.add(f, id); told != "" {
			return told
		}
	}
}

// waitForData reads until a call has sent so many bytes.
func (c *rawClient) waitForData(bytes int) {
	c.t.Helper()
	for bytes > 0 {
		f, err := c.ReadFrame()
		if err != nil {
			c.t.Fatalf("%d bytes are missing: %v", bytes, err)
		}
		if f, ok := f.(*http2.DataFrame); ok {
			bytes -= len(f.Data())
		}
	}
}

// answer is what has come of a call's answer.
type answer struct {
	http  string
	bytes int
}

// add gives the answer in words when there is no more of it.
func (a *answer) add(f http2.Frame, id uint32) string {
	switch f := f.(type) {
	case *http2.GoAwayFrame:
		if f.ErrCode != http2.ErrCodeNo {
			if f.ErrCode == http2.ErrCodeEnhanceYourCalm {
				return fmt.Sprintf("GOAWAY %s %s", f.ErrCode, f.DebugData())
			}
			return fmt.Sprintf("GOAWAY %s", f.ErrCode)
		}
	case *http2.RSTStreamFrame:
		if f.StreamID == id {
			return fmt.Sprintf("RST_STREAM %s", f.ErrCode)
		}
	case *http2.DataFrame:
		if f.StreamID == id {
			a.bytes += len(f.Data())
		}
	case *http2.MetaHeadersFrame:
		if f.StreamID != id {
			break
		}
		for _, field := range f.Fields {
			switch field.Name {
			case ":status":
				a.http = field.Value
			case "grpc-status":
				return fmt.Sprintf("%s status %s, %d bytes", a.http, field.Value, a.bytes)
			}
		}
	}
	return ""
}
