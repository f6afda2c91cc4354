package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
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

// Stream checks the messages of one stream, in their order. The zero Stream is
// ready; one goroutine uses it.
type Stream struct {
	batch        layout           // of a record batch
	dictionaries map[int64]layout // of a dictionary's batches, by its id
}

// Check gives the kind of a message that a decoder may be given, else
// ErrMalformed with what is wrong.
func (s *Stream) Check(header, body []byte) (kind Kind, err error) {
	defer func() {
		// The flatbuffers runtime has no bounds checks of its own: an offset
		// that leads outside the header is a panic of the slice.
		if recover() != nil {
			err = malformed("its header is not a flatbuffer of the format")
		}
	}()
	return s.check(header, body)
}

func (s *Stream) check(header, body []byte) (Kind, error) {
	message := root(header)
	text := budget{left: maxTextBytes}
	if err := text.spendMetadata(&message, messageMetadata); err != nil {
		return 0, err
	}
	kind := Kind(message.byteField(messageHeaderType))
	content, ok := message.tableField(messageHeader)
	if !ok {
		return 0, malformed("it has no header")
	}
	switch kind {
	case KindSchema:
		return kind, s.checkSchema(content, text)
	case KindDictionaryBatch:
		return kind, s.checkDictionary(content, body)
	case KindRecordBatch:
		return kind, checkBatch(content, body, s.batch.inVersion(message.int16Field(messageVersion)))
	default:
		return 0, malformed("messages of type %d are no part of a stream", kind)
	}
}

func (s *Stream) checkSchema(schema table, text budget) error {
	if err := text.spendMetadata(&schema, schemaMetadata); err != nil {
		return err
	}
	w := schemaWalk{fieldsLeft: maxFields, text: text, dictionaries: map[int64]layout{}}
	batch, err := w.fields(&schema, schemaFields, 1)
	s.batch, s.dictionaries = batch, w.dictionaries
	return err
}

func (s *Stream) checkDictionary(dictionary table, body []byte) error {
	id := dictionary.int64Field(dictionaryID)
	need, known := s.dictionaries[id]
	if !known {
		return malformed("the schema has no dictionary %d", id)
	}
	batch, ok := dictionary.tableField(dictionaryData)
	if !ok {
		return malformed("dictionary %d has no data", id)
	}
	// arrow-go reads a dictionary as if it were of the oldest version.
	return checkBatch(batch, body, need.inVersion(0))
}

func checkBatch(batch table, body []byte, need layout) error {
	if rows := batch.int64Field(batchLength); rows < 0 || rows > math.MaxInt32 {
		return malformed("%d rows in a batch, between 0 and %d are legal", rows, math.MaxInt32)
	}
	if err := checkNodes(batch, need.nodes); err != nil {
		return err
	}
	if err := checkVariadic(batch, need); err != nil {
		return err
	}
	_, compressed := batch.tableField(batchCompression)
	return checkBuffers(batch, body, compressed)
}

func checkNodes(batch table, need int) error {
	if n := batch.vectorLen(batchNodes); n < need {
		return malformed("it has %d column nodes, the schema needs %d", n, need)
	}
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

// checkVariadic keeps the counts of view columns' buffers, and the buffers that
// the schema needs beside them, within the buffers that there are: a decoder
// makes room for as many as are said, and reads on behind the last one.
func checkVariadic(batch table, need layout) error {
	views := batch.vectorLen(batchVariadic)
	if views < need.views {
		return malformed("it has %d counts of view buffers, the schema needs %d", views, need.views)
	}
	buffers := batch.vectorLen(batchBuffers)
	left := int64(buffers - need.buffers)
	for i := range views {
		n := batch.int64At(batchVariadic, i)
		if n < 0 || n > int64(buffers) {
			return malformed("view column %d claims %d buffers of %d", i, n, buffers)
		}
		left -= n
	}
	if left < 0 {
		return malformed("it has %d buffers, %d too few for the schema", buffers, -left)
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
