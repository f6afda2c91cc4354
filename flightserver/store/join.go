package store

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// joinBytes is about the size of a batch that is made of small ones: large
// enough for speed, well below what one message may have.
const joinBytes = 1 << 20

// joiner makes large batches of small ones. A batch that has metadata of its own
// passes as it is, and so do those with dictionaries, whose changes belong to a
// boundary between batches.
type joiner struct {
	to      func(Batch) error // does not keep the batch
	waiting []arrow.RecordBatch
	bytes   int64
}

func (j *joiner) add(b Batch) error {
	rec := b.Record
	size := sizeOf(rec)
	alone := size >= joinBytes/2 || len(b.AppMetadata) > 0 || hasMetadata(rec) || hasDictionary(rec.Schema())
	if alone || j.bytes+size > joinBytes {
		if err := j.flush(); err != nil {
			return err
		}
	}
	if alone {
		return j.to(b)
	}
	rec.Retain()
	j.waiting = append(j.waiting, rec)
	j.bytes += size
	return nil
}

// flush passes on what waits.
func (j *joiner) flush() error {
	defer j.release()
	switch len(j.waiting) {
	case 0:
		return nil
	case 1:
		return j.to(Batch{Record: j.waiting[0]})
	}
	rec, err := joinRecords(j.waiting)
	if err != nil {
		return err
	}
	defer rec.Release()
	return j.to(Batch{Record: rec})
}

func (j *joiner) release() {
	for _, rec := range j.waiting {
		rec.Release()
	}
	j.waiting, j.bytes = nil, 0
}

// batchReader reads records with the messages that they were decoded from, as
// far as there are any.
type batchReader struct {
	records array.RecordReader
	message Message
}

func newBatchReader(s *Scan) *batchReader {
	b := &batchReader{records: s.Records()}
	if r, ok := b.records.(*records); ok {
		r.messages.next = func() (_ Message, err error) {
			b.message, err = s.Next()
			return b.message, err
		}
	}
	return b
}

// batch is valid until the next record.
func (b *batchReader) batch() Batch {
	m := b.message
	return Batch{Record: b.records.RecordBatch(), Header: m.Header, Body: m.Body, AppMetadata: m.AppMetadata}
}

// joinRecords makes one record of several of one schema. The caller releases
// it.
func joinRecords(records []arrow.RecordBatch) (_ arrow.RecordBatch, err error) {
	defer recovered(&err, "joining records")
	columns := make([]arrow.Array, records[0].NumCols())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	rows := int64(0)
	for _, rec := range records {
		rows += rec.NumRows()
	}
	for i := range columns {
		parts := make([]arrow.Array, len(records))
		for k, rec := range records {
			parts[k] = rec.Column(i)
		}
		if columns[i], err = array.Concatenate(parts, memory.DefaultAllocator); err != nil {
			return nil, fmt.Errorf("column %q: %w", records[0].ColumnName(i), err)
		}
	}
	return array.NewRecordBatch(records[0].Schema(), columns, rows), nil
}

// sizeOf gives the bytes of a record's buffers.
func sizeOf(rec arrow.RecordBatch) (total int64) {
	for _, column := range rec.Columns() {
		total += sizeOfData(column.Data())
	}
	return total
}

func sizeOfData(data arrow.ArrayData) (total int64) {
	for _, b := range data.Buffers() {
		if b != nil {
			total += int64(b.Len())
		}
	}
	for _, child := range data.Children() {
		total += sizeOfData(child)
	}
	return total
}

func hasMetadata(rec arrow.RecordBatch) bool {
	m, ok := rec.(arrow.RecordBatchWithMetadata)
	return ok && m.Metadata().Len() > 0
}

func hasDictionary(schema *arrow.Schema) bool {
	for _, f := range schema.Fields() {
		if holds(f.Type, []arrow.Type{arrow.DICTIONARY}) {
			return true
		}
	}
	return false
}
