package slow

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"
)

const (
	drip     = 4 << 10 // bytes at a time
	interval = time.Second
	window   = 1<<31 - 1
)

// connection is HTTP/2 by hand: a client library would read ahead.
type connection struct {
	net.Conn
	framer *http2.Framer
}

// call begins a call whose windows are as large as they can be, so that only
// the socket slows the server down.
func call(t *testing.T, address, method string) *connection {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := &connection{conn, http2.NewFramer(conn, conn)}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":authority", "slow"},
		{":path", "/arrow.flight.protocol.FlightService/" + method},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
	} {
		if err := encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			t.Fatal(err)
		}
	}
	for _, write := range []func() error{
		func() error { _, err := conn.Write([]byte(http2.ClientPreface)); return err },
		func() error { return c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}) },
		func() error { return c.framer.WriteWindowUpdate(0, window-65535) },
		func() error {
			return c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
		},
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// message gives gRPC's frame of a message.
func message(t *testing.T, m proto.Message) []byte {
	t.Helper()
	body, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
}

// read asks for a dataset and takes it slowly until ctx is done.
func read(ctx context.Context, t *testing.T, address, dataset string) {
	t.Helper()
	c := call(t, address, "DoGet")
	if err := c.framer.WriteData(1, true, message(t, &flight.Ticket{Ticket: []byte(dataset)})); err != nil {
		t.Fatal(err)
	}
	dripping(ctx, func() error { _, err := io.CopyN(io.Discard, c, drip); return err })
}

// write sends the messages of an upload slowly until ctx is done. Answers are
// left to lie.
func write(ctx context.Context, t *testing.T, address string, upload []*flight.FlightData) {
	t.Helper()
	c := call(t, address, "DoPut")
	var all []byte
	for _, m := range upload {
		all = append(all, message(t, m)...)
	}
	dripping(ctx, func() error {
		n := min(drip, len(all))
		err := c.framer.WriteData(1, false, all[:n])
		all = all[n:]
		return err
	})
}

// dripping does a little at a time. A server may end who is too slow for it.
func dripping(ctx context.Context, step func() error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for step() == nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
