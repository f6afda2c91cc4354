package transport

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// startLocked says the header of a call, once. A call that has ended says nothing
// more.
func (o *output) startLocked(c *call) error {
	switch {
	case o.err != nil:
		return o.err
	case c.gone:
		return errEnded
	case c.started:
		return nil
	}
	c.started = true
	header, _ := c.metadata()
	return o.headersLocked(c.id, append(c.opening(http.StatusOK), fields(header)...), false)
}

// end makes the call say nothing more than last, if that; nil: there is nothing
// to say. False: it had ended.
func (o *output) end(c *call, last func(*http2.Framer)) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.gone {
		return false
	}
	c.gone = true
	if last != nil && o.err == nil {
		last(o.frames)
		o.flushSoonLocked()
	}
	return true
}

// finish says a call's status. Where its client has more to say, it is told that
// nobody listens.
func (o *output) finish(c *call, httpStatus int, s *status.Status) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.awaitRoomLocked()
	if c.gone || o.err != nil {
		return
	}
	header, trailer := c.metadata()
	var block []hpack.HeaderField
	if !c.started {
		block = append(c.opening(httpStatus), fields(header)...)
	}
	c.gone, c.started = true, true
	block = append(append(block, statusFields(s)...), fields(trailer)...)
	code := http2.ErrCodeNo
	if o.headersLocked(c.id, block, true) != nil {
		code = http2.ErrCodeInternal
	}
	if code != http2.ErrCodeNo || !c.inbox.over() {
		_ = o.frames.WriteRSTStream(c.id, code)
	}
	o.sent.Store(true)
	o.flushSoonLocked()
}

func (c *call) opening(httpStatus int) []hpack.HeaderField {
	contentType := c.contentType
	if !isGRPC(contentType) {
		contentType = baseContentType
	}
	return []hpack.HeaderField{
		{Name: ":status", Value: strconv.Itoa(httpStatus)},
		{Name: "content-type", Value: contentType},
	}
}

// fields encodes metadata. What gRPC says itself is left out.
func fields(md metadata.MD) (out []hpack.HeaderField) {
	for name, values := range md {
		if reserved(name) {
			continue
		}
		for _, value := range values {
			out = append(out, hpack.HeaderField{Name: name, Value: encodeMetadata(name, value)})
		}
	}
	return out
}

func statusFields(s *status.Status) []hpack.HeaderField {
	out := []hpack.HeaderField{{Name: "grpc-status", Value: strconv.Itoa(int(s.Code()))}}
	if text := s.Message(); text != "" {
		out = append(out, hpack.HeaderField{Name: "grpc-message", Value: encodeMessage(text)})
	}
	if p := s.Proto(); len(p.GetDetails()) > 0 {
		if details, err := proto.Marshal(p); err == nil {
			out = append(out, hpack.HeaderField{Name: "grpc-status-details-bin", Value: encodeMetadata("-bin", string(details))})
		}
	}
	return out
}

// encodeMessage writes what is not printable ASCII as percent and two digits.
func encodeMessage(text string) string {
	var out strings.Builder
	for _, r := range text { // what is no UTF-8 becomes U+FFFD
		if r >= ' ' && r <= '~' && r != '%' {
			out.WriteRune(r)
			continue
		}
		for _, b := range utf8.AppendRune(nil, r) {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}

// headersLocked queues a block, section 4.3. It fails where the client would not
// take it, and nothing was queued then.
func (o *output) headersLocked(id uint32, block []hpack.HeaderField, last bool) error {
	size := uint32(0)
	for _, f := range block {
		size += f.Size()
	}
	if size > o.headerList {
		return fmt.Errorf("%w: %d of %d bytes", errHeaderList, size, o.headerList)
	}
	o.block.Reset()
	for _, f := range block {
		_ = o.fields.WriteField(f) // to memory
	}
	first := o.block.Next(leastFrame)
	_ = o.frames.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: first, EndStream: last, EndHeaders: o.block.Len() == 0,
	})
	for o.block.Len() > 0 {
		next := o.block.Next(leastFrame)
		_ = o.frames.WriteContinuation(id, o.block.Len() == 0, next)
	}
	return nil
}

// setTable bounds HPACK's table to what the client keeps of it.
func (o *output) setTable(bytes uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fields.SetMaxDynamicTableSize(min(bytes, tableBytes))
}

func (o *output) setHeaderList(bytes uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.headerList = bytes
}
