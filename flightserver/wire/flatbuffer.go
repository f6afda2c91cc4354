package wire

import flatbuffers "github.com/google/flatbuffers/go"

// Slots of the tables in Arrow's Message.fbs and Schema.fbs. arrow-go keeps the
// generated accessors to itself.
const (
	messageVersion    flatbuffers.VOffsetT = 4
	messageHeaderType flatbuffers.VOffsetT = 6
	messageHeader     flatbuffers.VOffsetT = 8

	messageMetadata flatbuffers.VOffsetT = 12

	schemaEndianness flatbuffers.VOffsetT = 4
	schemaFields     flatbuffers.VOffsetT = 6
	schemaMetadata   flatbuffers.VOffsetT = 8

	fieldName       flatbuffers.VOffsetT = 4
	fieldTypeType   flatbuffers.VOffsetT = 8
	fieldType       flatbuffers.VOffsetT = 10
	fieldDictionary flatbuffers.VOffsetT = 12
	fieldChildren   flatbuffers.VOffsetT = 14
	fieldMetadata   flatbuffers.VOffsetT = 16

	timestampZone flatbuffers.VOffsetT = 6

	pairKey   flatbuffers.VOffsetT = 4
	pairValue flatbuffers.VOffsetT = 6

	encodingID    flatbuffers.VOffsetT = 4
	encodingIndex flatbuffers.VOffsetT = 6

	dictionaryID   flatbuffers.VOffsetT = 4
	dictionaryData flatbuffers.VOffsetT = 6

	batchLength      flatbuffers.VOffsetT = 4
	batchNodes       flatbuffers.VOffsetT = 6
	batchBuffers     flatbuffers.VOffsetT = 8
	batchCompression flatbuffers.VOffsetT = 10
	batchVariadic    flatbuffers.VOffsetT = 12
)

// table reads a flatbuffer table whose bytes may be forged: it panics, by a
// slice's bounds, on what leads outside.
type table struct{ flatbuffers.Table }

func root(header []byte) table {
	return table{flatbuffers.Table{Bytes: header, Pos: flatbuffers.GetUOffsetT(header)}}
}

// slot gives the position of a field's value; 0 when the field is absent.
func (t *table) slot(slot flatbuffers.VOffsetT) flatbuffers.UOffsetT {
	o := flatbuffers.UOffsetT(t.Offset(slot))
	if o == 0 {
		return 0
	}
	return t.Pos + o
}

func (t *table) byteField(slot flatbuffers.VOffsetT) byte {
	if at := t.slot(slot); at != 0 {
		return t.GetByte(at)
	}
	return 0
}

func (t *table) int16Field(slot flatbuffers.VOffsetT, absent int16) int16 { //nolint:unparam // all are the first of their tables, under different names
	if at := t.slot(slot); at != 0 {
		return t.GetInt16(at)
	}
	return absent
}

func (t *table) int32Field(slot flatbuffers.VOffsetT, absent int32) int32 {
	if at := t.slot(slot); at != 0 {
		return t.GetInt32(at)
	}
	return absent
}

func (t *table) int64Field(slot flatbuffers.VOffsetT) int64 {
	if at := t.slot(slot); at != 0 {
		return t.GetInt64(at)
	}
	return 0
}

func (t *table) tableField(slot flatbuffers.VOffsetT) (table, bool) {
	at := t.slot(slot)
	if at == 0 {
		return table{}, false
	}
	return table{flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(at)}}, true
}

// vectorLen gives a vector's length. Each element takes at least four bytes, so
// a longer one than the header could hold leads outside of it.
func (t *table) vectorLen(slot flatbuffers.VOffsetT) int {
	o := flatbuffers.UOffsetT(t.Offset(slot))
	if o == 0 {
		return 0
	}
	n := t.VectorLen(o)
	if n < 0 || n > len(t.Bytes)/4 {
		panic("wire: vector longer than its flatbuffer")
	}
	return n
}

// textLen gives a string's length, which the header holds at least.
func (t *table) textLen(slot flatbuffers.VOffsetT) int {
	at := t.slot(slot)
	if at == 0 {
		return 0
	}
	return len(t.ByteVector(at))
}

// hasKey looks for a key in a vector of pairs.
func (t *table) hasKey(slot flatbuffers.VOffsetT, key string) bool {
	for i := range t.vectorLen(slot) {
		pair := t.tableAt(slot, i)
		if at := pair.slot(pairKey); at != 0 && string(pair.ByteVector(at)) == key {
			return true
		}
	}
	return false
}

func (t *table) tableAt(slot flatbuffers.VOffsetT, i int) table {
	at := t.vector(slot) + flatbuffers.UOffsetT(i)*flatbuffers.SizeUOffsetT
	return table{flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(at)}}
}

func (t *table) int64At(slot flatbuffers.VOffsetT, i int) int64 {
	return t.GetInt64(t.vector(slot) + flatbuffers.UOffsetT(i)*flatbuffers.SizeInt64)
}

// pairAt reads the i-th of a vector of structs of two 64-bit integers, which
// both FieldNode and Buffer are.
func (t *table) pairAt(slot flatbuffers.VOffsetT, i int) (first, second int64) {
	at := t.vector(slot) + flatbuffers.UOffsetT(i)*2*flatbuffers.SizeInt64
	return t.GetInt64(at), t.GetInt64(at + flatbuffers.SizeInt64)
}

func (t *table) vector(slot flatbuffers.VOffsetT) flatbuffers.UOffsetT {
	return t.Vector(flatbuffers.UOffsetT(t.Offset(slot)))
}
