package transport

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

const (
	// quantumBytes is what a call writes when it is its turn.
	quantumBytes = 1 << 20

	frameHeaderBytes = 9
	prefixBytes      = 5 // of a message: whether it is compressed, and its length
)

// call is a call of a client: HTTP/2's stream, and gRPC's. Its handler sends from
// one goroutine and receives in one; they may differ.
type call struct {
	conn *conn
	id   uint32
	request
	ctx    context.Context //nolint:containedctx // gRPC asks a stream for its context
	cancel context.CancelFunc
	inbox  inbox
	single bool // its method takes one message

	window int64         // for what is sent; under conn.mu
	opened chan struct{} // full: look at the windows again

	mu              sync.Mutex
	header, trailer metadata.MD

	started, gone bool // header and status were said, under output.mu

	// What the sender's frames are made from.
	headers []byte
	frames  net.Buffers
}

// Context is that of the call.
func (c *call) Context() context.Context { return c.ctx }

// Method is the path that was called.
func (c *call) Method() string { return c.method }

// SetHeader adds to what is sent before the first message.
func (c *call) SetHeader(md metadata.MD) error {
	c.conn.out.mu.Lock()
	started := c.started || c.gone
	c.conn.out.mu.Unlock()
	if started {
		return status.Error(codes.Internal, "the header was sent already")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.header = metadata.Join(c.header, md)
	return nil
}

// SendHeader sends the header.
func (c *call) SendHeader(md metadata.MD) error {
	if err := c.SetHeader(md); err != nil {
		return err
	}
	return c.conn.out.sendSmall(c, nil)
}

// SetTrailer adds to what is sent with the status.
func (c *call) SetTrailer(md metadata.MD) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trailer = metadata.Join(c.trailer, md)
}

// metadata gives what was set so far.
func (c *call) metadata() (header, trailer metadata.MD) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.header, c.trailer
}

// SendMsg sends a message. It returns when the message's bytes are needed no
// longer; the client need not have them then.
func (c *call) SendMsg(m any) error {
	data, err := c.conn.server.options.Codec.Marshal(m)
	if err != nil {
		return status.Errorf(codes.Internal, "the message cannot be encoded: %v", err)
	}
	defer data.Free()
	n := data.Len()
	if n > math.MaxUint32 {
		return status.Errorf(codes.ResourceExhausted, "a message of %d bytes: gRPC has %d at most", n, math.MaxUint32)
	}
	if err := c.write(data, n); err != nil {
		return c.statusOf(err)
	}
	c.stats(func() stats.RPCStats {
		return &stats.OutPayload{Payload: m, Length: n, CompressedLength: n, WireLength: n + prefixBytes, SentTime: time.Now()}
	})
	return nil
}

func (c *call) stats(of func() stats.RPCStats) {
	if h := c.conn.server.options.Stats; h != nil {
		h.HandleRPC(c.ctx, of())
	}
}

// write sends a message of n bytes.
func (c *call) write(data mem.BufferSlice, n int) error {
	message := pieces{rest: make([][]byte, 1, len(data)+1)}
	message.rest[0] = binary.BigEndian.AppendUint32([]byte{0}, uint32(n))
	for _, b := range data {
		message.rest = append(message.rest, b.ReadOnlyData())
	}
	for left := n + prefixBytes; left > 0; {
		granted, frame, err := c.reserve(min(left, quantumBytes))
		if err != nil {
			return err
		}
		if err := c.writeFrames(&message, granted, frame); err != nil {
			c.conn.giveBack(granted)
			return err
		}
		left -= granted
	}
	return nil
}

// writeFrames writes n bytes of a message in frames of at most so many.
func (c *call) writeFrames(message *pieces, n, most int) error {
	small := n <= smallBytes
	c.headers, c.frames = c.headers[:0], c.frames[:0]
	if count := (n + most - 1) / most * frameHeaderBytes; cap(c.headers) < count {
		c.headers = make([]byte, 0, count)
	}
	if !small {
		c.frames = append(c.frames, nil) // for what goes before
	}
	for n > 0 {
		length := min(n, most)
		at := len(c.headers)
		c.headers = appendDataHeader(c.headers, length, c.id)
		c.frames = message.appendTo(append(c.frames, c.headers[at:]), length)
		n -= length
	}
	defer func() { clear(c.frames) }()
	if small {
		return c.conn.out.sendSmall(c, c.frames)
	}
	return c.conn.out.send(c, c.frames)
}

func appendDataHeader(to []byte, length int, id uint32) []byte {
	return append(to, byte(length>>16), byte(length>>8), byte(length), 0, 0, byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

// pieces are what is left of a message.
type pieces struct{ rest [][]byte }

// appendTo takes n bytes off.
func (p *pieces) appendTo(frames net.Buffers, n int) net.Buffers {
	for n > 0 {
		first := p.rest[0]
		if len(first) <= n {
			p.rest = p.rest[1:]
		} else {
			first, p.rest[0] = first[:n], first[n:]
		}
		n -= len(first)
		frames = append(frames, first)
	}
	return frames
}

// RecvMsg receives a message, and io.EOF when there are no more.
func (c *call) RecvMsg(m any) error {
	data, err := c.receive()
	if err != nil {
		return c.statusOf(err)
	}
	defer data.Free()
	n := data.Len()
	if err := c.conn.server.options.Codec.Unmarshal(data, m); err != nil {
		return status.Errorf(codes.Internal, "the message cannot be decoded: %v", err)
	}
	c.stats(func() stats.RPCStats {
		return &stats.InPayload{Payload: m, Length: n, CompressedLength: n, WireLength: n + prefixBytes, RecvTime: time.Now()}
	})
	if c.single {
		return c.noMore()
	}
	return nil
}

// noMore waits for the end of what the client has to say.
func (c *call) noMore() error {
	more, err := c.inbox.take(c.ctx, 1, c.giveWindow)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return c.statusOf(err)
	}
	more.Free()
	return status.Error(codes.Internal, "the client sent more than one message, which this method does not take")
}

// receive gives the bytes of a message.
func (c *call) receive() (mem.BufferSlice, error) {
	prefix, err := c.inbox.take(c.ctx, prefixBytes, c.giveWindow)
	if err != nil {
		return nil, err
	}
	p := prefix.Materialize()
	prefix.Free()
	n, most := uint64(binary.BigEndian.Uint32(p[1:])), c.conn.server.options.MaxMessageBytes
	if most > 0 && n > uint64(most) {
		return nil, status.Errorf(codes.ResourceExhausted, "received message larger than max (%d vs. %d)", n, most)
	}
	data, err := c.inbox.take(c.ctx, int(n), c.giveWindow)
	switch {
	case errors.Is(err, io.EOF):
		return nil, io.ErrUnexpectedEOF
	case err != nil || p[0] == 0:
		return data, err
	}
	defer data.Free()
	return c.decompress(data, most)
}

func (c *call) decompress(data mem.BufferSlice, most int) (mem.BufferSlice, error) {
	by := encoding.GetCompressor(c.encoding)
	switch {
	case c.encoding == "" || c.encoding == encoding.Identity:
		return nil, status.Error(codes.Internal, "a compressed message without grpc-encoding")
	case by == nil:
		return nil, status.Errorf(codes.Unimplemented, "grpc-encoding %q is not known here", c.encoding)
	}
	from, err := by.Decompress(data.Reader())
	if err != nil {
		return nil, status.Errorf(codes.Internal, "the message cannot be decompressed: %v", err)
	}
	if most > 0 {
		from = io.LimitReader(from, int64(most)+1)
	}
	out, err := mem.ReadAll(from, mem.DefaultBufferPool())
	switch {
	case err != nil:
		out.Free()
		return nil, status.Errorf(codes.Internal, "the message cannot be decompressed: %v", err)
	case most > 0 && out.Len() > most:
		out.Free()
		return nil, status.Errorf(codes.ResourceExhausted, "received message larger than max (%d, decompressed, vs. %d)", most+1, most)
	}
	return out, nil
}

// statusOf gives what gRPC's handlers expect: io.EOF, or a status.
func (c *call) statusOf(err error) error {
	if _, ok := status.FromError(err); ok || errors.Is(err, io.EOF) {
		return err
	}
	switch ended := c.ctx.Err(); {
	case ended != nil:
		return status.FromContextError(ended).Err()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return status.Error(codes.Internal, "the client ended in the middle of a message")
	}
	return status.Error(codes.Unavailable, fmt.Sprintf("the connection was lost: %v", err))
}
