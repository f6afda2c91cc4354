package store

import (
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// parquetLane decodes some columns of a file, a record ahead of who reads it.
type parquetLane struct {
	fields  []parquetField
	texts   []*textReader
	library pqarrow.RecordReader // of all other columns; nil where there are none
	decoded chan decodedColumns  // closed behind an error
	stop    chan struct{}
}

type decodedColumns struct {
	columns columns
	err     error
}

// columns are arrays of which each is released.
type columns []arrow.Array

func (c columns) release() {
	for _, column := range c {
		column.Release()
	}
}

func newParquetLane(from *pqarrow.FileReader, fields []parquetField, allocator memory.Allocator) (_ *parquetLane, err error) {
	l := &parquetLane{fields: fields, decoded: make(chan decodedColumns), stop: make(chan struct{})}
	var leaves []int
	var page *textPage
	for _, field := range fields {
		if field.text != nil {
			if page == nil {
				page = newTextPage(from.Props.BatchSize)
			}
			l.texts = append(l.texts, newTextReader(from.ParquetReader(), field, page, allocator))
		} else {
			leaves = append(leaves, field.leaves...)
		}
	}
	if len(leaves) > 0 {
		if l.library, err = from.GetRecordReader(context.Background(), leaves, nil); err != nil {
			return nil, err
		}
	}
	go l.run()
	return l, nil
}

func (l *parquetLane) run() {
	defer close(l.decoded)
	for {
		columns, err := l.decode()
		select {
		case l.decoded <- decodedColumns{columns, err}:
		case <-l.stop:
			columns.release()
			return
		}
		if err != nil {
			return
		}
	}
}

// decode gives an array of each field, or io.EOF.
func (l *parquetLane) decode() (_ columns, err error) {
	decoded := make(columns, 0, len(l.fields))
	defer func() {
		if err != nil {
			decoded.release()
		}
	}()
	defer recovered(&err, "reading Parquet")
	var others []arrow.Array
	if l.library != nil {
		if !l.library.Next() {
			return nil, cmp.Or(l.library.Err(), io.EOF)
		}
		others = l.library.RecordBatch().Columns()
	}
	texts := l.texts
	for _, field := range l.fields {
		if field.text == nil {
			others[0].Retain()
			decoded, others = append(decoded, others[0]), others[1:]
			continue
		}
		column, err := texts[0].read()
		if err != nil {
			return nil, err
		}
		decoded, texts = append(decoded, column), texts[1:]
	}
	if decoded[0].Len() == 0 {
		return nil, io.EOF
	}
	return decoded, nil
}

func (l *parquetLane) next() (columns, error) {
	d, more := <-l.decoded
	if !more {
		return nil, io.EOF
	}
	return d.columns, d.err
}

func (l *parquetLane) close() (err error) {
	defer recovered(&err, "closing Parquet")
	close(l.stop)
	for d := range l.decoded { // until run has ended
		d.columns.release()
	}
	var errs []error
	for _, text := range l.texts {
		errs = append(errs, text.close())
	}
	if l.library != nil {
		l.library.Release()
	}
	return errors.Join(errs...)
}
