package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/ipc"
)

var errBadMessage = errors.New("an Arrow message is not a flatbuffer")

// arrowMessage is what framing a message needs to know of it.
type arrowMessage struct {
	version    uint16
	kind       ipc.MessageType
	header     int // position of its header table
	bodyLength int64
	rows       int64 // of a record batch
	compressed bool  // of a record batch
	dictionary int64 // of a dictionary batch: its id
	delta      bool  // and whether it extends the one before
}

// Field numbers in apache/arrow's format/Message.fbs.
const (
	messageVersion    = 0
	messageHeaderType = 1
	messageHeader     = 2
	messageBodyLength = 3
	batchRows         = 0
	batchCompression  = 3
	dictionaryID      = 0
	dictionaryIsDelta = 2
)

// parseMessage reads the message's flatbuffer; the library's own accessors are
// internal to it.
func parseMessage(b []byte) (m arrowMessage, err error) {
	defer func() {
		if recover() != nil { // an offset beyond b
			err = errBadMessage
		}
	}()
	root := int(binary.LittleEndian.Uint32(b))
	kind, header := tableField(b, root, messageHeaderType), tableField(b, root, messageHeader)
	if kind == 0 || header == 0 {
		return m, errBadMessage
	}
	m.kind = ipc.MessageType(b[kind])
	m.header = header + int(binary.LittleEndian.Uint32(b[header:]))
	if version := tableField(b, root, messageVersion); version != 0 {
		m.version = binary.LittleEndian.Uint16(b[version:])
	}
	if length := tableField(b, root, messageBodyLength); length != 0 {
		m.bodyLength = int64(binary.LittleEndian.Uint64(b[length:]))
	}
	switch m.kind {
	case ipc.MessageRecordBatch:
		if rows := tableField(b, m.header, batchRows); rows != 0 {
			m.rows = int64(binary.LittleEndian.Uint64(b[rows:]))
		}
		m.compressed = tableField(b, m.header, batchCompression) != 0
	case ipc.MessageDictionaryBatch:
		m.parseDictionary(b)
	}
	return m, nil
}

func (m *arrowMessage) parseDictionary(b []byte) {
	if id := tableField(b, m.header, dictionaryID); id != 0 {
		m.dictionary = int64(binary.LittleEndian.Uint64(b[id:]))
	}
	if delta := tableField(b, m.header, dictionaryIsDelta); delta != 0 {
		m.delta = b[delta] != 0
	}
}

// tableField gives the position of a field in a flatbuffer's table, or 0 where
// the field has its default.
func tableField(b []byte, table, field int) int {
	vtable := table - int(int32(binary.LittleEndian.Uint32(b[table:])))
	entry := 4 + 2*field
	if entry >= int(binary.LittleEndian.Uint16(b[vtable:])) {
		return 0
	}
	offset := int(binary.LittleEndian.Uint16(b[vtable+entry:]))
	if offset == 0 {
		return 0
	}
	return table + offset
}

// Layout of the footer's flatbuffer (apache/arrow's format/File.fbs). Offsets
// in a flatbuffer are relative, so the schema's message goes in whole, and the
// footer points at the table inside it.
const (
	footerVtable      = 4 // after the root's offset
	footerTable       = 16
	footerVersion     = footerTable + 4
	footerSchema      = footerTable + 8
	footerDicts       = footerTable + 12
	footerRecords     = footerTable + 16
	footerEnd         = footerTable + 20 // here the first vector's length, so that its elements are aligned
	metadataVersionV5 = 4
)

func encodeFooter(schema []byte, dicts, records []arrowBlock) ([]byte, error) {
	message, err := parseMessage(schema)
	if err != nil {
		return nil, fmt.Errorf("encoding the footer: %w", err)
	}
	b := append([]byte(nil), make([]byte, footerEnd)...)
	put16, put32 := binary.LittleEndian.PutUint16, binary.LittleEndian.PutUint32
	put32(b, footerTable)
	for i, v := range []uint16{
		12, footerEnd - footerTable, // sizes of the vtable and the table
		footerVersion - footerTable, footerSchema - footerTable, footerDicts - footerTable, footerRecords - footerTable,
	} {
		put16(b[footerVtable+2*i:], v)
	}
	put32(b[footerTable:], footerTable-footerVtable)
	put16(b[footerVersion:], metadataVersionV5)

	put32(b[footerDicts:], uint32(len(b)-footerDicts))
	b = appendBlocks(b, dicts)
	b = append(b, 0, 0, 0, 0) // aligns the second vector's elements
	put32(b[footerRecords:], uint32(len(b)-footerRecords))
	b = appendBlocks(b, records)
	put32(b[footerSchema:], uint32(len(b)+message.header-footerSchema))
	return append(b, schema...), nil
}

// appendBlocks adds a vector of Block structures.
func appendBlocks(b []byte, list []arrowBlock) []byte {
	b = appendUint32(b, uint32(len(list)))
	for _, block := range list {
		b = binary.LittleEndian.AppendUint64(b, uint64(block.offset))
		b = appendUint32(b, uint32(block.metadata))
		b = append(b, 0, 0, 0, 0)
		b = binary.LittleEndian.AppendUint64(b, uint64(block.body))
	}
	return b
}

func appendUint32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }
