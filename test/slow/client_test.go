package slow

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
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
func call(t *testing.T, conn net.Conn, method string) (*connection, error) {
	t.Helper()
	c := &connection{conn, http2.NewFramer(conn, conn)}
	for _, write := range []func() error{
		func() error { _, err := conn.Write([]byte(http2.ClientPreface)); return err },
		func() error {
			return c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
		},
		func() error { return c.framer.WriteWindowUpdate(0, window-65535) },
		func() error {
			return c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headers(t, method), EndHeaders: true})
		},
	} {
		if err := write(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func headers(t *testing.T, method string) []byte {
	t.Helper()
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
			t.Error(err)
		}
	}
	return block.Bytes()
}

// message gives gRPC's frame of a message.
func message(t *testing.T, m proto.Message) []byte {
	t.Helper()
	body, err := proto.Marshal(m)
	if err != nil {
		t.Error(err)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
}

// read asks for what a ticket is for and takes it slowly until ctx is done, also
// where nothing more comes.
func read(ctx context.Context, t *testing.T, conn net.Conn, ticket string) error {
	t.Helper()
	c, err := call(t, conn, "DoGet")
	if err != nil {
		return err
	}
	if err := c.framer.WriteData(1, true, message(t, &flight.Ticket{Ticket: []byte(ticket)})); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	return dripping(ctx, func() error {
		_, err := io.CopyN(io.Discard, c, drip)
		return ignore(os.ErrDeadlineExceeded, err)
	})
}

// write sends the messages of an upload slowly until ctx is done, as many of
// them as there are. Answers are left to lie.
func write(ctx context.Context, t *testing.T, conn net.Conn, upload io.Reader) error {
	t.Helper()
	c, err := call(t, conn, "DoPut")
	if err != nil {
		return err
	}
	piece := make([]byte, drip)
	return dripping(ctx, func() error {
		n, err := upload.Read(piece)
		if n == 0 {
			return ignore(io.EOF, err)
		}
		return c.framer.WriteData(1, false, piece[:n])
	})
}

func ignore(expected, err error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// dripping does a little at a time. The error is why it cannot go on.
func dripping(ctx context.Context, step func() error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := step(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
