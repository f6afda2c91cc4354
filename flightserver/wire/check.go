package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	flatbuffers "github.com/google/flatbuffers/go"
)

// ErrMalformed says that a message is not Arrow IPC, or promises what its body
// does not hold.
var ErrMalformed = errors.New("malformed Arrow IPC message")

// Bounds of what one message may ask of a decoder.
const (
	// MaxMessageBytes bounds a message on the wire and, once more, its body
	// after decompression. A client sends a table chunk as one message unless
	// told otherwise, so hundreds of megabytes are ordinary; without a bound
	// one message could ask for all memory.
	MaxMessageBytes = 1 << 30

	maxNesting = 64      // as deep as Arrow implementations read
	maxFields  = 1 << 16 // of a schema, nested ones counted each time they are reached
	// maxTextBytes bounds names, time zones and metadata of one message. Many
	// fields may point to one text, and a decoder copies it for each.
	maxTextBytes = 64 << 20
)

// Kind is what a message holds.
type Kind byte

// Kinds of messages, numbered as in Arrow's Message.fbs.
const (
	KindSchema          Kind = 1
	KindDictionaryBatch Kind = 2
	KindRecordBatch     Kind = 3
)

// Check gives the kind of a message that a decoder may be given, else
// ErrMalformed with what is wrong.
func Check(header, body []byte) (kind Kind, err error) {
	defer func() {
		// The flatbuffers runtime has no bounds checks of its own: an offset
		// that leads outside the header is a panic of the slice.
		if recover() != nil {
			err = malformed("its header is not a flatbuffer of the format")
		}
	}()
	return checkMessage(header, body)
}

func checkMessage(header, body []byte) (Kind, error) {
	message := root(header)
	text := budget{left: maxTextBytes}
	text.spendMetadata(&message, messageMetadata)
	kind := Kind(message.byteField(messageHeaderType))
	content, ok := message.tableField(messageHeader)
	if !ok {
		return 0, malformed("it has no header")
	}
	if err := text.err(); err != nil {
		return 0, err
	}
	switch kind {
	case KindSchema:
		return kind, checkSchema(content, &text)
	case KindDictionaryBatch:
		batch, ok := content.tableField(dictionaryData)
		if !ok {
			return 0, malformed("its dictionary has no data")
		}
		return kind, checkBatch(batch, body)
	case KindRecordBatch:
		return kind, checkBatch(content, body)
	default:
		return 0, malformed("messages of type %d are no part of a stream", kind)
	}
}

// checkSchema bounds nesting and number of fields. Fields may share children,
// so a small header can describe a tree without end.
func checkSchema(schema table, text *budget) error {
	text.spendMetadata(&schema, schemaMetadata)
	if err := text.err(); err != nil {
		return err
	}
	left := maxFields
	return checkFields(schema, schemaFields, 1, &left, text)
}

func checkFields(parent table, slot flatbuffers.VOffsetT, depth int, left *int, text *budget) error {
	if depth > maxNesting {
		return malformed("its schema nests deeper than %d", maxNesting)
	}
	n := parent.vectorLen(slot)
	if *left -= n; *left < 0 {
		return malformed("its schema has more than %d fields", maxFields)
	}
	for i := range n {
		field := parent.tableAt(slot, i)
		text.spendField(&field)
		if err := text.err(); err != nil {
			return err
		}
		if err := checkFields(field, fieldChildren, depth+1, left, text); err != nil {
			return err
		}
	}
	return nil
}

// budget counts down the bytes of text that a message makes a decoder copy.
type budget struct{ left int }

func (b *budget) err() error {
	if b.left < 0 {
		return malformed("its names and metadata take more than %d bytes", maxTextBytes)
	}
	return nil
}

func (b *budget) spendField(field *table) {
	b.left -= field.textLen(fieldName)
	b.spendMetadata(field, fieldMetadata)
	if field.byteField(fieldTypeType) == typeTimestamp {
		if timestamp, ok := field.tableField(fieldType); ok {
			b.left -= timestamp.textLen(timestampZone)
		}
	}
}

func (b *budget) spendMetadata(of *table, slot flatbuffers.VOffsetT) {
	for i := 0; i < of.vectorLen(slot) && b.left >= 0; i++ {
		pair := of.tableAt(slot, i)
		b.left -= pair.textLen(pairKey) + pair.textLen(pairValue)
	}
}

func checkBatch(batch table, body []byte) error {
	if rows := batch.int64Field(batchLength); rows < 0 || rows > math.MaxInt32 {
		return malformed("%d rows in a batch, between 0 and %d are legal", rows, math.MaxInt32)
	}
	if err := checkNodes(batch); err != nil {
		return err
	}
	if err := checkVariadic(batch); err != nil {
		return err
	}
	_, compressed := batch.tableField(batchCompression)
	return checkBuffers(batch, body, compressed)
}

func checkNodes(batch table) error {
	for i := range batch.vectorLen(batchNodes) {
		length, nulls := batch.pairAt(batchNodes, i)
		if length < 0 || length > math.MaxInt64>>6 { // shifts to bits and bytes must not overflow
			return malformed("column node %d has length %d", i, length)
		}
		if nulls < -1 || nulls > length {
			return malformed("column node %d has %d nulls among %d values", i, nulls, length)
		}
	}
	return nil
}

// checkVariadic keeps the counts of view columns' buffers within the buffers
// that there are: a decoder makes room for as many as are said.
func checkVariadic(batch table) error {
	left := int64(batch.vectorLen(batchBuffers))
	for i := range batch.vectorLen(batchVariadic) {
		n := batch.int64At(batchVariadic, i)
		if n < 0 || n > left {
			return malformed("view column %d claims %d buffers, %d are left", i, n, left)
		}
		left -= n
	}
	return nil
}

func checkBuffers(batch table, body []byte, compressed bool) error {
	left := int64(MaxMessageBytes)
	for i := range batch.vectorLen(batchBuffers) {
		offset, length := batch.pairAt(batchBuffers, i)
		if offset < 0 || length < 0 || offset > int64(len(body)) || length > int64(len(body))-offset {
			return malformed("buffer %d lies at %d with length %d, the body has %d bytes", i, offset, length, len(body))
		}
		if offset%8 != 0 {
			return malformed("buffer %d lies at %d, which is no multiple of 8", i, offset)
		}
		if !compressed || length == 0 {
			continue
		}
		size, err := uncompressedSize(i, body[offset:offset+length])
		if err != nil {
			return err
		}
		if left -= size; left < 0 {
			return malformed("its buffers decompress to more than %d bytes", MaxMessageBytes)
		}
	}
	return nil
}

// uncompressedSize reads the length that precedes a compressed buffer; -1 there
// says that the buffer is as it is.
func uncompressedSize(i int, buffer []byte) (int64, error) {
	const prefix = 8
	if len(buffer) < prefix {
		return 0, malformed("compressed buffer %d has %d bytes, too few for its length", i, len(buffer))
	}
	size := int64(binary.LittleEndian.Uint64(buffer))
	if size == -1 {
		return int64(len(buffer) - prefix), nil
	}
	if size < 0 || size > MaxMessageBytes {
		return 0, malformed("compressed buffer %d claims %d bytes, at most %d are legal", i, size, MaxMessageBytes)
	}
	return size, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}
