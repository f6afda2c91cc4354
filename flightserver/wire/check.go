package wire

import (
	"errors"
	"fmt"
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

// experimentalCompression is where Arrow 0.17 told of a compressed body. A
// decoder of today does not look there, and takes the bytes for values.
const experimentalCompression = "ARROW:experimental_compression"

// Stream checks the messages of one stream, in their order. The zero Stream is
// ready; one goroutine uses it.
type Stream struct {
	batch        layout             // of a record batch
	dictionaries map[int64][]layout // of a dictionary's batches, by its id
	swapped      bool               // its words begin with their highest bytes
	plain        bool
	decompressed int64
}

// Plain says whether the record batch that was checked last is as a file of
// today has it: of the newest metadata version, with the lowest bytes first, not
// compressed, and with nothing in it that the schema does not ask for.
func (s *Stream) Plain() bool { return s.plain }

// Decompressed is what the compressed buffers of the message that was checked
// last take when they are not; 0 where there are none.
func (s *Stream) Decompressed() int64 { return s.decompressed }

// KindOf tells what a message says it is, which nobody has checked; 0 when it
// says nothing.
func KindOf(header []byte) (kind Kind) {
	defer func() { _ = recover() }() // as in Check
	message := root(header)
	return Kind(message.byteField(messageHeaderType))
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
	if message.hasKey(messageMetadata, experimentalCompression) {
		return 0, malformed("its body is compressed as Arrow before 1.0 did it")
	}
	s.decompressed = 0
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
		return kind, s.checkRecords(content, body, message.int16Field(messageVersion, 0))
	default:
		return 0, malformed("messages of type %d are no part of a stream", kind)
	}
}

func (s *Stream) checkSchema(schema table, text budget) error {
	if err := text.spendMetadata(&schema, schemaMetadata); err != nil {
		return err
	}
	w := schemaWalk{fieldsLeft: maxFields, text: text, dictionaries: map[int64][]layout{}}
	batch, err := w.fields(&schema, schemaFields, 1)
	s.batch, s.dictionaries = batch, w.dictionaries
	s.swapped = schema.int16Field(schemaEndianness, 0) != 0
	return err
}

func (s *Stream) checkRecords(batch table, body []byte, version int16) error {
	w := batchWalk{batch: batch, body: body, version: version}
	err := w.check(s.batch)
	s.decompressed = w.decompressed
	s.plain = err == nil && !s.swapped && version >= versionV5 && w.exact()
	return err
}

func (s *Stream) checkDictionary(dictionary table, body []byte) error {
	id := dictionary.int64Field(dictionaryID)
	fields, known := s.dictionaries[id]
	if !known {
		return malformed("the schema has no dictionary %d", id)
	}
	batch, ok := dictionary.tableField(dictionaryData)
	if !ok {
		return malformed("dictionary %d has no data", id)
	}
	for _, field := range fields {
		// arrow-go reads a dictionary as if it were of the oldest version.
		w := batchWalk{batch: batch, body: body}
		if err := w.check(field); err != nil {
			return err
		}
		s.decompressed = w.decompressed // the same for each field
	}
	return nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}
