package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/flight-operator/flight-operator/flightserver/wire"
)

const (
	arrowMagic = "ARROW1"
	// bodyAlignment is where in the file a body begins: what Arrow recommends for
	// the widest of registers.
	bodyAlignment = 64
	// targetBodyBytes is the size of the pieces of a record that is too large.
	targetBodyBytes = 2 << 20
)

// arrowEncoder writes an Arrow IPC file and its index. Messages that were
// received go into it as they are. The library's own file writer knows neither
// those nor dictionaries that grow, so its stream writer makes the messages,
// and arrowFile frames them.
type arrowEncoder struct {
	file   *arrowFile
	writer *ipc.Writer
	passes bool   // messages may go through as they are
	large  []byte // the room of the last body, where it was too large to pass
}

func newArrowEncoder(w io.Writer, schema *arrow.Schema, c Compression) (_ *arrowEncoder, err error) {
	defer recovered(&err, "beginning Arrow")
	header, err := EncodeSchemaMessage(schema)
	if err != nil {
		return nil, err
	}
	file, err := newArrowFile(w, header)
	if err != nil {
		return nil, err
	}
	options := append(c.options(), ipc.WithSchema(schema), ipc.WithDictionaryDeltas(true))
	return &arrowEncoder{
		file:   file,
		writer: ipc.NewWriterWithPayloadWriter(file, options...),
		passes: c == CompressionNone && !holds(arrow.StructOf(schema.Fields()...), []arrow.Type{arrow.DICTIONARY}),
	}, nil
}

func (e *arrowEncoder) Size() int64 { return e.file.size() }

// Full tells that the index has grown large.
func (e *arrowEncoder) Full() bool { return e.file.indexBytes >= maxIndexBytes }

// Buffer gives room for a body, behind that for its header.
func (e *arrowEncoder) Buffer(n int) []byte {
	switch {
	case !e.passes:
		return make([]byte, n)
	case n > wire.MaxBodyBytes:
		return e.largeRoom(n)
	}
	e.large = nil
	return e.file.bodyRoom(n)
}

// largeRoom uses the last room again, as a client sends bodies of much the same
// size. With a fresh one for each, which waits for the collector when it is done
// with, an upload of batches of 50 MB took half as much memory again.
func (e *arrowEncoder) largeRoom(n int) []byte {
	if n > cap(e.large) || n < cap(e.large)/2 {
		e.large = make([]byte, n+n/8)
	}
	return e.large[:n:n]
}

func (e *arrowEncoder) Write(b Batch) (err error) {
	defer recovered(&err, "writing Arrow")
	if n := len(b.AppMetadata); n > maxAppMetadata {
		return fmt.Errorf("%w: app_metadata of %d bytes, at most %d can be kept with a batch", ErrMalformed, n, maxAppMetadata)
	}
	e.file.next.appMetadata = bytes.Clone(b.AppMetadata)
	if e.passes && passable(b) {
		e.file.next.stats = statsOf(b.Record)
		return e.file.appendRecord(b.Header, len(b.Body), func(room []byte) error {
			copyBody(room, b.Body)
			return nil
		})
	}
	e.file.leaveRoom()
	return wire.Split(b.Record, targetBodyBytes, func(piece arrow.RecordBatch, _ int64) error { return e.encode(piece) })
}

// passable tells whether a received message is one that other tools find well
// formed in a file, and that need not be split before it is sent.
func passable(b Batch) bool {
	if b.Header == nil || len(b.Body) > wire.MaxBodyBytes || len(b.Body)%8 != 0 {
		return false
	}
	m, err := parseMessage(b.Header)
	return err == nil && m.kind == ipc.MessageRecordBatch && m.version == metadataVersionV5 &&
		m.bodyLength == int64(len(b.Body)) && m.rows == b.Record.NumRows() && !m.compressed
}

// copyBody does nothing where the body lies in its place already.
func copyBody(to, from []byte) {
	if len(from) > 0 && &to[0] != &from[0] {
		copy(to, from)
	}
}

func (e *arrowEncoder) encode(rec arrow.RecordBatch) error {
	whole, err := compact(rec, arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW)
	if err != nil {
		return err
	}
	defer whole.Release()
	e.file.next.stats = statsOf(whole)
	return e.writer.Write(whole)
}

// Close ends the file and gives its index.
func (e *arrowEncoder) Close() ([]byte, error) {
	err := e.writer.Close()
	if errors.Is(err, errSegmentFull) {
		err = nil // the writer repeats its last failure, yet what it wrote before is whole
	}
	err = errors.Join(err, e.file.end())
	return e.file.index.encode(), err
}

// arrowFile is an ipc.PayloadWriter that remembers where each message went and
// ends with the footer that makes a file of a stream.
type arrowFile struct {
	out    *staging
	schema []byte // its message
	index  index
	known  map[int64]bool // dictionaries that the file has

	next       indexed // what is known of the record that comes next
	indexBytes int     // about how many the index has

	headerRoom int // what is left before a body for its header
	bodyAt     int // where in the staging the body for a Buffer begins; 0: nowhere
}

func newArrowFile(w io.Writer, schema []byte) (*arrowFile, error) {
	f := &arrowFile{out: newStaging(w), schema: schema, known: map[int64]bool{}, headerRoom: len(schema)}
	head := f.out.room(align(marksBytes+marksBytes+len(schema), bodyAlignment))
	n := copy(head, arrowMagic+"\x00\x00")
	putHeader(head[n:], schema)
	f.index.head = span{length: int64(len(head)), sum: crc32.Checksum(head, castagnoli)}
	return f, f.out.advance(len(head))
}

func align(n, to int) int { return (n + to - 1) &^ (to - 1) }

// putHeader fills room with the marks, a header, and padding to its end.
func putHeader(room, header []byte) {
	binary.LittleEndian.PutUint32(room, continuationMark)
	binary.LittleEndian.PutUint32(room[4:], uint32(len(room)-marksBytes))
	n := copy(room[marksBytes:], header)
	clear(room[marksBytes+n:])
}

const continuationMark = 0xffffffff

func (f *arrowFile) size() int64 { return f.out.offset() }

// prefix is how much precedes a body whose header has n bytes.
func (f *arrowFile) prefix(n int) int {
	at := int(f.size() % bodyAlignment)
	return align(at+marksBytes+n, bodyAlignment) - at
}

// bodyRoom gives room for a body whose header is not longer than the one before.
func (f *arrowFile) bodyRoom(n int) []byte {
	f.bodyAt = f.prefix(f.headerRoom)
	return f.out.room(f.bodyAt + n)[f.bodyAt:]
}

// leaveRoom keeps what lies in bodyRoom from being written over: the record
// that is encoded next may refer to it.
func (f *arrowFile) leaveRoom() {
	if f.bodyAt > 0 {
		f.out.leave()
		f.bodyAt = 0
	}
}

// appendRecord writes a record's message; fill writes its body. Pieces of a
// record that was split have its metadata once.
func (f *arrowFile) appendRecord(header []byte, body int, fill func([]byte) error) error {
	m := f.next
	f.next = indexed{}
	return f.append(m, header, body, fill)
}

func (f *arrowFile) append(m indexed, header []byte, body int, fill func([]byte) error) error {
	m.prefix, m.header = max(f.prefix(len(header)), f.bodyAt), len(header)
	f.bodyAt = 0
	f.headerRoom = max(f.headerRoom, len(header))
	room := f.out.room(m.prefix + body)
	if err := fill(room[m.prefix:]); err != nil {
		return err
	}
	putHeader(room[:m.prefix], header)
	m.span = span{offset: f.size(), length: int64(len(room)), sum: crc32.Checksum(room, castagnoli)}
	f.index.add(m)
	f.indexBytes += indexedBytes + len(m.appMetadata)
	for _, c := range m.stats.Columns {
		f.indexBytes += columnBytes + len(c.Min) + len(c.Max)
	}
	return f.out.advance(len(room))
}

// What the index has of a message, and of a column of it, without texts.
const (
	indexedBytes = 33
	columnBytes  = 11
)

// Start implements ipc.PayloadWriter.
func (f *arrowFile) Start() error { return nil }

// Close implements ipc.PayloadWriter. The file ends by itself.
func (f *arrowFile) Close() error { return nil }

// WritePayload implements ipc.PayloadWriter. A file holds one dictionary a
// field, which deltas may extend: a replacement needs another file.
func (f *arrowFile) WritePayload(p ipc.Payload) error {
	meta := p.Meta()
	defer meta.Release()
	m, err := parseMessage(meta.Bytes())
	if err != nil {
		return err
	}
	fill := func(room []byte) error { return p.SerializeBody(&filler{room}) }
	switch m.kind {
	case ipc.MessageDictionaryBatch:
		return f.appendDictionary(m, meta.Bytes(), fill)
	case ipc.MessageRecordBatch:
		return f.appendRecord(meta.Bytes(), int(m.bodyLength), fill)
	}
	return nil // the schema is there
}

func (f *arrowFile) appendDictionary(m arrowMessage, header []byte, fill func([]byte) error) error {
	if f.known[m.dictionary] && !m.delta {
		return errSegmentFull
	}
	f.known[m.dictionary] = true
	f.index.deltas = f.index.deltas || m.delta
	return f.append(indexed{dictionary: true}, header, int(m.bodyLength), fill)
}

// filler is an io.Writer into room of the right size.
type filler struct{ room []byte }

func (f *filler) Write(p []byte) (int, error) {
	if len(p) > len(f.room) {
		return 0, io.ErrShortBuffer
	}
	copy(f.room, p)
	f.room = f.room[len(p):]
	return len(p), nil
}

// end writes the stream's end, the footer, its length and the magic.
func (f *arrowFile) end() error {
	footer, err := encodeFooter(f.schema, f.blocks(true), f.blocks(false))
	if err != nil {
		return errors.Join(err, f.out.close())
	}
	tail := []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}
	tail = append(tail, footer...)
	tail = appendUint32(tail, uint32(len(footer)))
	tail = append(tail, arrowMagic...)
	f.index.tail = span{offset: f.size(), length: int64(len(tail)), sum: crc32.Checksum(tail, castagnoli)}
	_, err = f.out.Write(tail)
	return errors.Join(err, f.out.close())
}

func (f *arrowFile) blocks(dictionaries bool) []arrowBlock {
	var blocks []arrowBlock
	for _, m := range f.index.messages {
		if m.dictionary == dictionaries {
			blocks = append(blocks, arrowBlock{m.offset, int32(m.prefix), m.length - int64(m.prefix)})
		}
	}
	return blocks
}

// arrowBlock is where a message lies in the file.
type arrowBlock struct {
	offset   int64
	metadata int32
	body     int64
}
