package wire

import (
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Incoming is a FlightData as it was received. The body stays in the buffers of
// the connection until Free.
type Incoming struct {
	Descriptor  *flight.FlightDescriptor // nil: there is none
	Header      []byte
	AppMetadata []byte
	Body        mem.BufferSlice
}

// BodyLen is the length of the body.
func (m *Incoming) BodyLen() int { return m.Body.Len() }

// CopyBody copies as much of the body as fits, and tells how much that is.
func (m *Incoming) CopyBody(to []byte) int { return m.Body.CopyTo(to) }

// Free gives the body back, which is empty then.
func (m *Incoming) Free() {
	m.Body.Free()
	m.Body = nil
}

// errGroup refuses what proto3 has no more, and Flight never had.
var errGroup = errors.New("wire: FlightData with a group")

func (m *Incoming) unmarshal(data mem.BufferSlice) error {
	*m = Incoming{}
	c := cursor{buffers: data, left: data.Len()}
	for c.left > 0 {
		if err := m.field(&c); err != nil {
			m.Free()
			return err
		}
	}
	return nil
}

// field reads a field. The last of a number holds, and descriptors are merged.
func (m *Incoming) field(c *cursor) error {
	tag, err := c.varint()
	if err != nil {
		return err
	}
	number, kind := protowire.Number(tag>>3), protowire.Type(tag&7)
	if n := tag >> 3; n < uint64(protowire.MinValidNumber) || n > uint64(protowire.MaxValidNumber) {
		return fmt.Errorf("wire: FlightData with field number %d", n)
	}
	if kind != protowire.BytesType {
		return c.skip(kind)
	}
	n, err := c.length()
	if err != nil {
		return err
	}
	switch number {
	case fieldDescriptor:
		return m.mergeDescriptor(c.bytes(n))
	case fieldHeader:
		m.Header = c.bytes(n)
	case fieldAppMetadata:
		m.AppMetadata = c.bytes(n)
	case fieldBody:
		m.Body.Free()
		m.Body = c.refer(n)
	default:
		c.advance(n)
	}
	return nil
}

func (m *Incoming) mergeDescriptor(encoded []byte) error {
	if m.Descriptor == nil {
		m.Descriptor = &flight.FlightDescriptor{}
	}
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(encoded, m.Descriptor)
}

// cursor reads across buffers. What it is asked for is there: a length is
// checked against what is left before anything is read or made room for.
type cursor struct {
	buffers mem.BufferSlice
	at      int // in the first of them
	left    int // in all of them
}

var errTruncated = errors.New("wire: FlightData ends within a field")

// head gives what is left of the first buffer that has something left.
func (c *cursor) head() []byte {
	for c.at == c.buffers[0].Len() {
		c.buffers, c.at = c.buffers[1:], 0
	}
	return c.buffers[0].ReadOnlyData()[c.at:]
}

func (c *cursor) varint() (uint64, error) {
	var value uint64
	for shift := 0; shift < 64; shift += 7 {
		if c.left == 0 {
			return 0, errTruncated
		}
		b := c.head()[0]
		c.at++
		c.left--
		if shift == 63 && b > 1 {
			break
		}
		value |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return value, nil
		}
	}
	return 0, errors.New("wire: FlightData with a number of more than 64 bits")
}

func (c *cursor) length() (int, error) {
	n, err := c.varint()
	switch {
	case err != nil:
		return 0, err
	case n > math.MaxInt32 || int(n) > c.left:
		return 0, errTruncated
	}
	return int(n), nil
}

func (c *cursor) skip(kind protowire.Type) error {
	var n int
	switch kind {
	case protowire.VarintType:
		_, err := c.varint()
		return err
	case protowire.Fixed32Type:
		n = 4
	case protowire.Fixed64Type:
		n = 8
	case protowire.StartGroupType, protowire.EndGroupType:
		return errGroup
	default:
		return fmt.Errorf("wire: FlightData with wire type %d", kind)
	}
	if n > c.left {
		return errTruncated
	}
	c.advance(n)
	return nil
}

// walk visits the next n bytes as they lie.
func (c *cursor) walk(n int, visit func(b mem.Buffer, from, to int)) {
	c.left -= n
	for n > 0 {
		k := min(n, len(c.head()))
		visit(c.buffers[0], c.at, c.at+k)
		c.at += k
		n -= k
	}
}

func (c *cursor) advance(n int) { c.walk(n, func(mem.Buffer, int, int) {}) }

func (c *cursor) bytes(n int) []byte {
	out := make([]byte, 0, n)
	c.walk(n, func(b mem.Buffer, from, to int) { out = append(out, b.ReadOnlyData()[from:to]...) })
	return out
}

func (c *cursor) refer(n int) mem.BufferSlice {
	var out mem.BufferSlice
	c.walk(n, func(b mem.Buffer, from, to int) { out = append(out, b.Slice(from, to)) })
	return out
}
