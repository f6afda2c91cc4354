package wire

import (
	"slices"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/flight-operator/flight-operator/flightserver/fault"
)

// Fields of FlightData in Flight.proto.
const (
	fieldDescriptor  protowire.Number = 1
	fieldHeader      protowire.Number = 2
	fieldAppMetadata protowire.Number = 3
	fieldBody        protowire.Number = 1000
)

// apartBytes is the least of a body that stands by itself: less is copied.
const apartBytes = 4 << 10

// Outgoing is a FlightData to send. Its header and metadata are copied, and its
// body is not: it stays unchanged until SendMsg has returned. All of it may lie
// in a mapped file.
type Outgoing struct {
	Header      []byte
	AppMetadata []byte
	Body        [][]byte // one after the other
	Rows        int64    // of a record batch; not sent, for whoever counts
}

// BodyLen is the length of the body.
func (m *Outgoing) BodyLen() int {
	n := 0
	for _, piece := range m.Body {
		n += len(piece)
	}
	return n
}

func (m *Outgoing) marshal() (out mem.BufferSlice, err error) {
	// The header may lie in a mapped file, and so may small pieces.
	err = fault.Guard(func() { out = m.encode() })
	return out, err
}

func (m *Outgoing) encode() mem.BufferSlice {
	e := encoder{plain: make([]byte, 0, 64+len(m.Header)+len(m.AppMetadata))}
	e.field(fieldHeader, m.Header)
	e.field(fieldAppMetadata, m.AppMetadata)
	if n := m.BodyLen(); n > 0 {
		e.plain = protowire.AppendTag(e.plain, fieldBody, protowire.BytesType)
		e.plain = protowire.AppendVarint(e.plain, uint64(n))
		e.body(m.Body)
	}
	e.flush()
	return e.out
}

// encoder gathers what is copied, and lets what is large stand by itself.
type encoder struct {
	out   mem.BufferSlice
	plain []byte
}

func (e *encoder) field(number protowire.Number, value []byte) {
	if len(value) > 0 {
		e.plain = protowire.AppendTag(e.plain, number, protowire.BytesType)
		e.plain = protowire.AppendBytes(e.plain, value)
	}
}

func (e *encoder) body(pieces [][]byte) {
	for _, piece := range pieces {
		if len(piece) < apartBytes {
			e.plain = append(e.plain, piece...)
			continue
		}
		e.flush()
		e.out = append(e.out, mem.SliceBuffer(piece))
	}
}

func (e *encoder) flush() {
	if len(e.plain) > 0 {
		e.out = append(e.out, mem.SliceBuffer(slices.Clip(e.plain)))
		e.plain = nil
	}
}
