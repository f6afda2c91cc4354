package wire

import (
	"encoding/binary"
	"sync/atomic"
)

// What frames of HTTP/2 look like: RFC 9113, sections 4.1, 6.1 and 6.5.
const (
	frameHeaderBytes = 9
	prefaceBytes     = 24 // what a client sends before its first frame

	frameData     = 0x0
	frameSettings = 0x4

	flagAck            = 0x1
	settingBytes       = 6
	settingMaxFrame    = 0x5
	leastMaxFrame      = 1 << 14
	greatestMaxFrame   = 1<<24 - 1
	maxSettingsPayload = leastMaxFrame // gRPC refuses longer ones
)

// frameHeader is the first bytes of a frame.
type frameHeader []byte

func (h frameHeader) length() int { return int(h[0])<<16 | int(h[1])<<8 | int(h[2]) }
func (h frameHeader) kind() byte  { return h[3] }
func (h frameHeader) flags() byte { return h[4] }

func (h frameHeader) setLength(n int) { h[0], h[1], h[2] = byte(n>>16), byte(n>>8), byte(n) }

// joins tells whether what follows h can be said to be part of it: DATA of one
// stream, which does not end there.
func (h frameHeader) joins(next frameHeader, most int) bool {
	return h.kind() == frameData && h.flags() == 0 && next.kind() == frameData &&
		string(h[5:]) == string(next[5:]) && h.length()+next.length() <= most
}

// join makes one frame of both.
func (h frameHeader) join(next frameHeader) {
	h.setLength(h.length() + next.length())
	h[4] = next[4]
}

// outbound follows the frames that gRPC writes. It writes no part of a header, and
// that of DATA by itself.
type outbound struct {
	left int // bytes that the last frame still lacks
	lost bool
}

// gRPCWrite is what gRPC writes at once.
type gRPCWrite int

const (
	restOfFrame gRPCWrite = iota
	dataHeader
	otherFrame
)

// next tells what p is.
func (s *outbound) next(p []byte) gRPCWrite {
	if len(p) <= s.left {
		s.left -= len(p)
		return restOfFrame
	}
	header := s.left == 0 && len(p) == frameHeaderBytes && frameHeader(p).kind() == frameData
	s.follow(p)
	if header && !s.lost {
		return dataHeader
	}
	return otherFrame
}

// follow finds the end of the last frame in p. It is lost for good where the
// beginning of one is not to be seen.
func (s *outbound) follow(p []byte) {
	for len(p) > s.left && !s.lost {
		p = p[s.left:]
		if s.lost = len(p) < frameHeaderBytes; !s.lost {
			s.left = frameHeader(p).length()
			p = p[frameHeaderBytes:]
		}
	}
	s.left -= len(p)
}

// inbound follows the frames that a client sends, for the size of those that
// it takes.
type inbound struct {
	skip     int    // bytes that tell nothing
	partial  []byte // a header, or SETTINGS, of which more is to come
	maxFrame atomic.Int64
}

func newInbound() *inbound {
	r := &inbound{skip: prefaceBytes}
	r.maxFrame.Store(leastMaxFrame)
	return r
}

// observe sees what was read. Only one goroutine reads.
func (r *inbound) observe(p []byte) {
	for len(p) > 0 {
		if r.skip > 0 {
			n := min(r.skip, len(p))
			r.skip -= n
			p = p[n:]
			continue
		}
		n := min(r.wanted()-len(r.partial), len(p))
		r.partial = append(r.partial, p[:n]...)
		p = p[n:]
		if len(r.partial) == r.wanted() {
			r.frame()
		}
	}
}

// wanted is the length of a header, and of a SETTINGS frame once its header is
// there.
func (r *inbound) wanted() int {
	if h := frameHeader(r.partial); len(h) >= frameHeaderBytes && h.announces() {
		return frameHeaderBytes + h.length()
	}
	return frameHeaderBytes
}

func (h frameHeader) announces() bool {
	return h.kind() == frameSettings && h.flags()&flagAck == 0 && h.length() <= maxSettingsPayload
}

func (r *inbound) frame() {
	h := frameHeader(r.partial)
	if h.announces() {
		r.settings(r.partial[frameHeaderBytes:])
	} else {
		r.skip = h.length()
	}
	r.partial = r.partial[:0]
}

// settings are in force before gRPC acknowledges them, since it sees them later.
func (r *inbound) settings(p []byte) {
	for ; len(p) >= settingBytes; p = p[settingBytes:] {
		n := int64(binary.BigEndian.Uint32(p[2:]))
		if binary.BigEndian.Uint16(p) == settingMaxFrame && n >= leastMaxFrame && n <= greatestMaxFrame {
			r.maxFrame.Store(n)
		}
	}
}
