package transport

import (
	"errors"
	"io"
	"time"

	"golang.org/x/net/http2"
)

// data reads a DATA frame, section 6.1.
func (c *conn) data(h http2.FrameHeader) error {
	if h.StreamID == 0 {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	padding, err := c.padding(h)
	if err != nil {
		return err
	}
	call, known := c.find(h.StreamID)
	if !known {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	c.giveConnectionWindow(int(h.Length))
	content := int(h.Length) - padding
	last := h.Flags.Has(http2.FlagDataEndStream)
	refused := c.admit(call, h.StreamID, content, padding, last)
	if refused != nil {
		call = nil
	}
	prefix := min(padding, 1) // the padding's length was read already
	if err := c.content(call, content, padding-prefix); err != nil {
		return err
	}
	if call != nil && last {
		call.inbox.end(io.EOF)
	}
	return refused
}

// padding reads how much of the frame is padding, its length included.
func (c *conn) padding(h http2.FrameHeader) (int, error) {
	if !h.Flags.Has(http2.FlagDataPadded) {
		return 0, nil
	}
	var length [1]byte
	if h.Length == 0 {
		return 0, http2.ErrFrameTooLarge // FRAME_SIZE_ERROR is for what is too small as well
	}
	if _, err := io.ReadFull(&c.in, length[:]); err != nil {
		return 0, err
	}
	n := int(length[0]) + 1
	if n > int(h.Length) {
		return 0, http2.ConnectionError(http2.ErrCodeProtocol)
	}
	return n, nil
}

// admit asks a call whether it takes a frame; there may be none any more.
func (c *conn) admit(call *call, id uint32, content, padding int, last bool) error {
	if call == nil {
		if c.isAbandoned(id) {
			return nil
		}
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeStreamClosed}
	}
	update, err := call.inbox.admit(content, padding)
	switch {
	case err == nil && !call.counts(content, last):
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeProtocol}
	case errors.Is(err, errWindow):
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeFlowControl, Cause: err}
	case err != nil:
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeStreamClosed, Cause: err}
	case update > 0:
		call.giveWindow(update)
	}
	return nil
}

// content reads n bytes for a call, or for nobody, and what is padding behind it.
func (c *conn) content(call *call, n, padding int) error {
	for n > 0 {
		b, err := c.in.next(n)
		if err != nil {
			return err
		}
		c.read.Store(time.Now().UnixNano()) // a frame may take long
		n -= b.Len()
		if call != nil {
			call.inbox.put(b)
		} else {
			b.Free()
		}
	}
	_, err := io.CopyN(io.Discard, &c.in, int64(padding))
	return err
}

// giveConnectionWindow opens the connection's window again, for bytes that are on
// their way to a call.
func (c *conn) giveConnectionWindow(n int) {
	if c.owed += n; c.owed < connectionWindow/4 {
		return
	}
	update := c.owed
	c.owed = 0
	c.out.queue(func(f *http2.Framer) { _ = f.WriteWindowUpdate(0, uint32(update)) })
}

// giveWindow opens a call's window again.
func (c *call) giveWindow(update int) {
	c.conn.out.queue(func(f *http2.Framer) { _ = f.WriteWindowUpdate(c.id, uint32(update)) })
}
