package formats

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// magic starts and ends an Arrow IPC file. In a file two bytes of padding
// follow the first one.
var magic = []byte("ARROW1")

const magicPadded = 8

// bodyLimit is the most that a message can hold. A damaged length is refused
// before memory is taken for it.
func (in *input) bodyLimit() int64 {
	if in.size > 0 {
		return in.size
	}
	return 2 << 30
}

// newArrowReader reads an IPC file or an IPC stream: the first bytes tell.
func newArrowReader(in *input) (Reader, error) {
	b := bufio.NewReaderSize(in, 1<<20)
	head, err := b.Peek(magicPadded)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	isFile := bytes.HasPrefix(head, magic)
	switch {
	case isFile && in.file != nil:
		return newArrowFileReader(in)
	case isFile:
		if _, err := b.Discard(magicPadded); err != nil {
			return nil, fmt.Errorf("the Arrow file is cut off: %w", err)
		}
	}
	// ipc.NewReader would ignore the limit.
	stream, err := ipc.NewReaderFromMessageReader(ipc.NewMessageReader(b, ipc.WithBodySizeLimit(in.bodyLimit())))
	if err != nil {
		return nil, fmt.Errorf("not an Arrow IPC file or stream: %w", err)
	}
	return &arrowStreamReader{Reader: stream, in: in, rest: b, isFile: isFile}, nil
}

// arrowStreamReader reads a stream, or the stream that a file is between its
// magic and its footer.
type arrowStreamReader struct {
	*ipc.Reader
	in     *input
	rest   io.Reader
	isFile bool
}

func (r *arrowStreamReader) Read() (arrow.RecordBatch, error) {
	if r.Next() {
		rec := r.RecordBatch()
		rec.Retain()
		return rec, nil
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("the Arrow stream is damaged or cut off: %w", err)
	}
	if r.isFile {
		if err := r.checkFooter(); err != nil {
			return nil, err
		}
	}
	return nil, io.EOF
}

// checkFooter tells a file that came as a stream from one that was cut off
// between two batches.
func (r *arrowStreamReader) checkFooter() error {
	tail := &lastBytes{}
	if _, err := io.Copy(tail, r.rest); err != nil {
		return err
	}
	if !bytes.Equal(tail.kept, magic) {
		return errors.New("the Arrow file is cut off: it has no footer")
	}
	r.isFile = false
	return nil
}

func (r *arrowStreamReader) Done() float64 { return r.in.done() }

func (r *arrowStreamReader) Close() error {
	r.Release()
	return nil
}

// lastBytes keeps as many of the last bytes written as the magic has.
type lastBytes struct{ kept []byte }

func (l *lastBytes) Write(p []byte) (int, error) {
	l.kept = append(l.kept, p[max(0, len(p)-len(magic)):]...)
	l.kept = l.kept[max(0, len(l.kept)-len(magic)):]
	return len(p), nil
}

// arrowFileReader reads the batches in the order of the file's footer.
type arrowFileReader struct {
	*ipc.FileReader
	next  int
	unmap func() error // nil: the file is not mapped
}

// mapFrom is the size of a batch from which a file is mapped.
const mapFrom = 16 << 20

// newArrowFileReader maps a file of large batches where that is possible: a
// batch may be as large as the file, and is then sent without ever being in
// memory whole. Dictionaries the library cannot map.
func newArrowFileReader(in *input) (Reader, error) {
	r, err := ipc.NewFileReader(in.file, ipc.WithBodySizeLimit(in.bodyLimit()))
	if err != nil {
		return nil, fmt.Errorf("not a whole Arrow IPC file: %w", err)
	}
	if in.size/int64(max(r.NumRecords(), 1)) < mapFrom || hasDictionary(r.Schema().Fields()) {
		return &arrowFileReader{FileReader: r}, nil
	}
	data, unmap, err := mapFile(in.file, in.size)
	if err != nil {
		return &arrowFileReader{FileReader: r}, nil //nolint:nilerr // it is read without being mapped
	}
	mapped, err := ipc.NewMappedFileReader(data, ipc.WithBodySizeLimit(in.bodyLimit()))
	if err != nil {
		return nil, errors.Join(err, unmap())
	}
	return &arrowFileReader{FileReader: mapped, unmap: unmap}, nil
}

func hasDictionary(fields []arrow.Field) bool {
	return slices.ContainsFunc(fields, func(f arrow.Field) bool {
		nested, ok := f.Type.(arrow.NestedType)
		return f.Type.ID() == arrow.DICTIONARY || ok && hasDictionary(nested.Fields())
	})
}

// Close unmaps the file: batches that were read are not valid any more.
func (r *arrowFileReader) Close() error {
	err := r.FileReader.Close()
	if r.unmap != nil {
		err = errors.Join(err, r.unmap())
	}
	return err
}

func (r *arrowFileReader) Read() (arrow.RecordBatch, error) {
	if r.next == r.NumRecords() {
		return nil, io.EOF
	}
	rec, err := r.RecordBatchAt(r.next)
	if err != nil {
		return nil, fmt.Errorf("batch %d is damaged: %w", r.next, err)
	}
	r.next++
	return rec, nil
}

func (r *arrowFileReader) Done() float64 {
	if r.NumRecords() == 0 {
		return 1
	}
	return float64(r.next) / float64(r.NumRecords())
}

func newArrowFileWriter(w io.Writer, schema *arrow.Schema) (Writer, error) {
	return ipc.NewFileWriter(w, ipc.WithSchema(schema))
}

func newArrowStreamWriter(w io.Writer, schema *arrow.Schema) Writer {
	return ipc.NewWriter(w, ipc.WithSchema(schema))
}
