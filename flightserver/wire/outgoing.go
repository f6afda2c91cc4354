package wire

import (
	"slices"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of FlightData in Flight.proto.
const (
	fieldDescriptor  protowire.Number = 1
	fieldHeader      protowire.Number = 2
	fieldAppMetadata protowire.Number = 3
	fieldBody        protowire.Number = 1000
)

// Memory is what the bytes of a message lie in, such as a mapped file. It stays
// as it is from a Retain to the Release that belongs to it, and may be used by
// many goroutines.
type Memory interface {
	Retain()
	Release()
}

// Outgoing is a FlightData to send. Its header and metadata are copied, and its
// body is not: what is in Body stays unchanged for as long as Memory is retained
// or, where Memory is nil, for ever.
type Outgoing struct {
	Header      []byte
	AppMetadata []byte
	Body        [][]byte // one after the other
	Memory      Memory
	Rows        int64 // of a record batch; not sent, for whoever counts
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
	err = guard(func() { out = m.encode() })
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
	if len(e.lent) > 0 {
		lend(m.Memory, e.lent, e.out)
	}
	return e.out
}

// encoder gathers what is copied, and lets what is large stand by itself.
type encoder struct {
	out   mem.BufferSlice
	plain []byte
	lent  [][]byte
}

func (e *encoder) field(number protowire.Number, value []byte) {
	if len(value) > 0 {
		e.plain = protowire.AppendTag(e.plain, number, protowire.BytesType)
		e.plain = protowire.AppendBytes(e.plain, value)
	}
}

func (e *encoder) body(pieces [][]byte) {
	for _, piece := range pieces {
		if len(piece) < lentBytes {
			e.plain = append(e.plain, piece...)
			continue
		}
		e.flush()
		e.lent = append(e.lent, piece)
		e.out = append(e.out, nil) // a place for it
	}
}

func (e *encoder) flush() {
	if len(e.plain) > 0 {
		e.out = append(e.out, mem.SliceBuffer(slices.Clip(e.plain)))
		e.plain = nil
	}
}
