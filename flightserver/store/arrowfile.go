package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	arrowMagic       = "ARROW1"
	arrowWriteBuffer = 1 << 20
)

// arrowEncoder writes an Arrow IPC file. The library's own file writer refuses
// dictionaries that grow, though the format allows deltas; so its stream
// writer makes the messages, and arrowFile frames them as a file.
type arrowEncoder struct {
	file   *arrowFile
	writer *ipc.Writer
}

func newArrowEncoder(w io.Writer, schema *arrow.Schema) (*arrowEncoder, error) {
	file := &arrowFile{
		w:     bufio.NewWriterSize(w, arrowWriteBuffer),
		known: map[int64]bool{},
	}
	if _, err := file.Write([]byte(arrowMagic + "\x00\x00")); err != nil {
		return nil, err
	}
	return &arrowEncoder{
		file:   file,
		writer: ipc.NewWriterWithPayloadWriter(file, ipc.WithSchema(schema), ipc.WithDictionaryDeltas(true)),
	}, nil
}

func (e *arrowEncoder) Write(rec arrow.RecordBatch) (err error) {
	defer recovered(&err, "writing Arrow")
	whole, err := compact(rec, arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW)
	if err != nil {
		return err
	}
	defer whole.Release()
	return e.writer.Write(whole)
}

func (e *arrowEncoder) Close() error {
	err := e.writer.Close()
	if errors.Is(err, errSegmentFull) {
		// The writer repeats its last failure, yet what it wrote before is whole.
		return e.file.end()
	}
	return err
}

// arrowFile is an ipc.PayloadWriter that remembers where each message went and
// ends with the footer that makes a file of a stream.
type arrowFile struct {
	w       *bufio.Writer
	at      int64
	schema  []byte // the schema's message
	dicts   []arrowBlock
	records []arrowBlock
	known   map[int64]bool // dictionaries that the file has
	ended   bool
	endErr  error
}

// arrowBlock is where a message lies in the file.
type arrowBlock struct {
	offset   int64
	metadata int32
	body     int64
}

func (f *arrowFile) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	f.at += int64(n)
	return n, err
}

// Start implements ipc.PayloadWriter.
func (f *arrowFile) Start() error { return nil }

// WritePayload implements ipc.PayloadWriter. A file holds one dictionary a
// field, which deltas may extend: a replacement needs another file.
func (f *arrowFile) WritePayload(p ipc.Payload) error {
	meta := p.Meta()
	defer meta.Release()
	message, err := parseMessage(meta.Bytes())
	if err != nil {
		return err
	}
	if message.kind == ipc.MessageDictionaryBatch {
		if f.known[message.dictionary] && !message.delta {
			return errSegmentFull
		}
		f.known[message.dictionary] = true
	}
	start := f.at
	n, err := p.WritePayload(f)
	if err != nil {
		return err
	}
	block := arrowBlock{offset: start, metadata: int32(n), body: f.at - start - int64(n)}
	switch message.kind {
	case ipc.MessageSchema:
		f.schema = append([]byte(nil), meta.Bytes()...)
	case ipc.MessageDictionaryBatch:
		f.dicts = append(f.dicts, block)
	case ipc.MessageRecordBatch:
		f.records = append(f.records, block)
	}
	return nil
}

// Close implements ipc.PayloadWriter.
func (f *arrowFile) Close() error { return f.end() }

// end writes the stream's end, the footer, its length and the magic. The
// library closes a failed writer itself, so it may be asked twice.
func (f *arrowFile) end() error {
	if !f.ended {
		f.ended = true
		f.endErr = f.writeEnd()
	}
	return f.endErr
}

func (f *arrowFile) writeEnd() error {
	footer, err := encodeFooter(f.schema, f.dicts, f.records)
	if err != nil {
		return err
	}
	endOfStream := []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}
	length := appendUint32(nil, uint32(len(footer)))
	for _, part := range [][]byte{endOfStream, footer, length, []byte(arrowMagic)} {
		if _, err := f.Write(part); err != nil {
			return err
		}
	}
	return f.w.Flush()
}

// arrowDecoder reads an Arrow IPC file record by record, each by a read of its
// own: a mapped file would end the process when the volume fails.
type arrowDecoder struct {
	file *ipc.FileReader
	next int
}

func newArrowDecoder(r *verifiedReader) (_ *arrowDecoder, err error) {
	defer recovered(&err, "opening Arrow")
	// A length beyond the file is refused anyway; a limit would only refuse
	// what was accepted when it was written.
	file, err := ipc.NewFileReader(r.section(), ipc.WithAllocator(memory.DefaultAllocator),
		ipc.WithMetadataSizeLimit(0), ipc.WithBodySizeLimit(0))
	if err != nil {
		return nil, err
	}
	return &arrowDecoder{file: file}, nil
}

func (d *arrowDecoder) Next() (_ arrow.RecordBatch, err error) {
	defer recovered(&err, "reading Arrow")
	if d.next == d.file.NumRecords() {
		return nil, io.EOF
	}
	rec, err := d.file.RecordBatchAt(d.next)
	if err != nil {
		return nil, fmt.Errorf("record %d: %w", d.next, err)
	}
	d.next++
	return rec, nil
}

func (d *arrowDecoder) Close() error { return d.file.Close() }
