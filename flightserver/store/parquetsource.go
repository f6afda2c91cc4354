package store

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
)

// recordSource is a source of a Parquet segment, which may be asked for records
// instead of messages.
type recordSource interface {
	source
	// record gives a record, which is valid until the next call, or io.EOF.
	record() (arrow.RecordBatch, error)
}

// openParquet reads a segment from the cache, or decodes it and leaves it there.
func (s *Scan) openParquet(name string, segment Segment) (recordSource, error) {
	store := s.snapshot.dataset.store
	if d, m := store.cache.acquire(s.ctx, name); m != nil {
		return newCachedSource(s, segment, d, m), nil
	}
	decoded, err := openParquet(s, name, segment, 0)
	if err != nil {
		return nil, err
	}
	if !s.passing {
		// Bounds of columns cost a part of what decoding does, and most readers
		// want all that there is.
		decoded.keepIn(store.beginFill(name, s.message), s.keep != nil)
	}
	return decoded, nil
}

// cachedSource gives the messages of a decoded segment. Where it is damaged, it
// goes on with the rows of the Parquet segment that did not come yet.
type cachedSource struct {
	scan    *Scan
	segment Segment // of Parquet
	decoded *decodedSegment
	mapped  *mappedSource
	rest    *encodedSource // nil while there is no damage
	decoder *mappedDecoder
}

func newCachedSource(s *Scan, segment Segment, d *decodedSegment, m *mappedSegment) *cachedSource {
	c := &cachedSource{scan: s, segment: segment, decoded: d, mapped: &mappedSource{segment: m, keep: s.keep}}
	c.decoder = &mappedDecoder{scan: s, source: c}
	return c
}

func (c *cachedSource) next() (Message, error) {
	if c.rest != nil {
		return c.rest.next()
	}
	m, err := c.mapped.next()
	if !errors.Is(err, ErrCorrupt) {
		return m, err
	}
	store := c.scan.snapshot.dataset.store
	store.cache.discard(c.decoded, err)
	c.rest, err = openParquet(c.scan, c.decoded.name, c.segment, c.mapped.passed())
	if err != nil {
		return Message{}, err
	}
	return c.rest.next()
}

func (c *cachedSource) record() (arrow.RecordBatch, error) { return c.decoder.Next() }

func (c *cachedSource) close() error {
	if c.decoder.records != nil {
		c.decoder.records.release()
	}
	err := c.mapped.close()
	if c.rest != nil {
		err = errors.Join(err, c.rest.close())
	}
	return err
}

// passed counts the rows before the message that was asked for last.
func (m *mappedSource) passed() (rows int64) {
	for _, x := range m.segment.index.messages[:m.at-1] {
		rows += x.stats.Rows
	}
	return rows
}

// parquetRecords gives the records of Parquet segments, which are their sources',
// without making messages of them.
type parquetRecords struct{ scanned }

func (r *parquetRecords) release() {}

// Next reads the next record, which is valid until the next call.
func (r *parquetRecords) Next() bool {
	r.record = nil
	if r.err != nil {
		return false
	}
	err := r.scan.fromSource(func(s source) (err error) {
		r.record, err = s.(recordSource).record()
		return err
	})
	if err != nil && err != io.EOF { //nolint:errorlint // as in Scan.Next
		r.err = r.scan.explain(err)
	}
	return err == nil
}

// parquetSegment reads a Parquet segment, verified.
type parquetSegment struct {
	local   *LocalSegment
	bytes   *verifiedReader
	decoder *parquetDecoder
	record  arrow.RecordBatch
	left    int64 // rows that must still come
	skip    int64 // rows to pass over
}

// openParquet decodes a segment for a scan, but for its first rows.
func openParquet(s *Scan, name string, segment Segment, skip int64) (*encodedSource, error) {
	local, bytes, err := openVerified(s.ctx, s.snapshot.dataset.store.segments, name, segment)
	if err != nil {
		return nil, err
	}
	p := &parquetSegment{local: local, bytes: bytes, left: segment.Rows, skip: skip}
	if p.decoder, err = newParquetDecoder(bytes, segment.Rows, s.schema, s.room); err != nil {
		return nil, errors.Join(p.explain(err), local.Close())
	}
	if err := s.room.Reserve(p.decoder.needs()); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if err := p.decoder.begin(); err != nil {
		return nil, errors.Join(p.explain(err), p.Close())
	}
	return newEncodedSource(p, s.schema, s.room, p.decoder.buffers), nil
}

func (p *parquetSegment) Next() (arrow.RecordBatch, error) {
	for {
		p.releaseRecord()
		rec, err := p.read()
		if err != nil {
			return nil, err
		}
		p.record = rec
		if rows := rec.NumRows(); p.skip < rows {
			p.record = rec.NewSlice(p.skip, rows)
			rec.Release()
			p.skip = 0
			return p.record, nil
		}
		p.skip -= rec.NumRows()
	}
}

func (p *parquetSegment) read() (arrow.RecordBatch, error) {
	rec, err := p.decoder.Next()
	if err == io.EOF && p.left != 0 { //nolint:errorlint // as in Scan.Next
		err = fmt.Errorf("%w: %d rows are missing", ErrCorrupt, p.left)
	}
	if err == io.EOF { //nolint:errorlint // as in Scan.Next
		return nil, err
	}
	if err != nil {
		return nil, p.explain(err)
	}
	if p.left -= rec.NumRows(); p.left < 0 {
		rec.Release()
		return nil, fmt.Errorf("%w: %d rows too many", ErrCorrupt, -p.left)
	}
	return rec, nil
}

// explain prefers what the volume said to what the decoder made of it. What
// cannot be decoded though its checksum is right was written wrong.
func (p *parquetSegment) explain(err error) error {
	if failure := p.bytes.failure(); failure != nil {
		return failure
	}
	if !errors.Is(err, ErrCorrupt) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

func (p *parquetSegment) releaseRecord() {
	if p.record != nil {
		p.record.Release()
		p.record = nil
	}
}

func (p *parquetSegment) Close() error {
	p.releaseRecord()
	return errors.Join(p.decoder.Close(), p.local.Close())
}
