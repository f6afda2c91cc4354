package transport

import (
	"math"

	"golang.org/x/net/http2"
)

// leastFrame is what every peer takes in a frame, RFC 9113, section 4.2.
const leastFrame = 16 << 10

// reserve takes of the windows what there is of n bytes, and waits where there is
// nothing. It gives as well how large a frame may be.
func (c *call) reserve(n int) (granted, frame int, err error) {
	for {
		if granted, frame = c.conn.reserve(c, n); granted > 0 {
			return granted, frame, nil
		}
		select {
		case <-c.opened:
		case <-c.ctx.Done():
			return 0, 0, c.ctx.Err()
		}
	}
}

func (c *conn) reserve(of *call, n int) (granted, frame int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	granted = int(max(0, min(int64(n), of.window, c.window)))
	of.window -= int64(granted)
	c.window -= int64(granted)
	return granted, c.frame
}

// giveBack takes back what was reserved for a call that has ended meanwhile.
func (c *conn) giveBack(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.window += int64(n)
	c.wakeLocked()
}

// wakeLocked has all calls look at the connection's window.
func (c *conn) wakeLocked() {
	for _, call := range c.calls {
		call.wake()
	}
}

func (c *call) wake() {
	select {
	case c.opened <- struct{}{}:
	default:
	}
}

// windowUpdate is that of section 6.9.
func (c *conn) windowUpdate(f *http2.WindowUpdateFrame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.StreamID == 0 {
		if c.window += int64(f.Increment); c.window > math.MaxInt32 {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		c.wakeLocked()
		return nil
	}
	call := c.calls[f.StreamID]
	switch {
	case call == nil && (f.StreamID > c.last || f.StreamID%2 == 0):
		return http2.ConnectionError(http2.ErrCodeProtocol)
	case call == nil:
		return nil
	}
	if call.window += int64(f.Increment); call.window > math.MaxInt32 {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeFlowControl}
	}
	call.wake()
	return nil
}

// settings are what the client takes, section 6.5.
func (c *conn) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	if err := f.ForeachSetting(c.setting); err != nil {
		return err
	}
	c.out.queue(func(f *http2.Framer) { _ = f.WriteSettingsAck() })
	return nil
}

func (c *conn) setting(s http2.Setting) error {
	if err := s.Valid(); err != nil {
		return err
	}
	switch s.ID {
	case http2.SettingInitialWindowSize:
		return c.setInitialWindow(int64(s.Val))
	case http2.SettingMaxFrameSize:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.frame = int(s.Val)
	case http2.SettingHeaderTableSize:
		c.out.setTable(s.Val)
	case http2.SettingMaxHeaderListSize:
		c.out.setHeaderList(s.Val)
	}
	return nil
}

// setInitialWindow is for the calls in flight as well, whose windows may become
// negative, section 6.9.2.
func (c *conn) setInitialWindow(n int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		if call.window += n - c.initial; call.window > math.MaxInt32 {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
	}
	c.initial = n
	c.wakeLocked()
	return nil
}
