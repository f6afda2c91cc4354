package formats

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
)

// BatchRows is the most rows that a batch made here holds.
const BatchRows = 64 << 10

// Reader streams the batches of one input. One goroutine uses it.
type Reader interface {
	Schema() *arrow.Schema
	// Read gives the next batch, or io.EOF. The caller releases it before Close.
	Read() (arrow.RecordBatch, error)
	// Done is the part of the input that has been read, from 0 to 1, or
	// negative where the size of the input is not known.
	Done() float64
	Close() error
}

// Source is an input that has not been opened.
type Source struct {
	Path   string // a file, or Stdin
	Format Format
	Stdin  io.Reader // read where Path is Stdin
}

// Stdin is the path of standard input.
const Stdin = "-"

// String names the source in messages.
func (s Source) String() string {
	if s.Path == Stdin {
		return "standard input"
	}
	return s.Path
}

// Repeatable tells whether the source can be opened a second time.
func (s Source) Repeatable() bool { return s.Path != Stdin }

// ReadOptions tell how text is read.
type ReadOptions struct {
	Null  string                    // the text of a null in CSV
	Types map[string]arrow.DataType // types of columns that are not to be inferred
}

// Open opens a source and reads its schema. Every error names the source.
func Open(s Source, o ReadOptions) (Reader, error) {
	in, err := openInput(s)
	if err != nil {
		return nil, err
	}
	var r Reader
	err = guard(func() (err error) {
		r, err = newReader(in, s.Format, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s, errors.Join(err, in.Close()))
	}
	return &guarded{Reader: r, source: s.String(), input: in}, nil
}

func newReader(in *input, f Format, o ReadOptions) (Reader, error) {
	if in.size == 0 {
		return nil, errors.New("the file is empty")
	}
	switch f {
	case Parquet:
		return newParquetReader(in)
	case Arrow, ArrowStream:
		return newArrowReader(in)
	case CSV:
		return newCSVReader(in, ',', o)
	case TSV:
		return newCSVReader(in, '\t', o)
	case JSONLines:
		return newJSONReader(in, o)
	}
	return nil, fmt.Errorf("format %q cannot be read", f)
}

// guarded is the reader that callers get: its errors name the source, a
// decoder's panic over a damaged file is an error too, and closing it closes
// the file.
type guarded struct {
	Reader
	source string
	input  *input
}

func (g *guarded) Read() (rec arrow.RecordBatch, err error) {
	err = guard(func() (err error) {
		rec, err = g.Reader.Read()
		return err
	})
	if err != nil && err != io.EOF { //nolint:errorlint // only a bare io.EOF is the end; a wrapped one is a cut file
		return nil, fmt.Errorf("%s: %w", g.source, err)
	}
	return rec, err
}

func (g *guarded) Close() error {
	return errors.Join(g.Reader.Close(), g.input.Close())
}

func guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file is damaged: %v", p)
		}
	}()
	return do()
}
